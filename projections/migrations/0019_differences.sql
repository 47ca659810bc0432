-- What a change changed, line by line, computed when it is written (incidents/difference.py); null where it was not told.
alter table changes add column difference jsonb;
create index changes_newest on changes (tenant, "offset");
create index changes_id on changes (tenant, change_id);
