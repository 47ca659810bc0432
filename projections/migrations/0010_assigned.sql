-- Since when the one who has an incident has it; the first acknowledgement may be somebody else's.
alter table incidents add column assigned_at bigint;
