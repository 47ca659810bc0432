-- What people do together on an incident: who joined, who commands, what waits for a word, and its postmortem.
alter table incidents
  add column participants           jsonb not null default '[]',
  add column commander              text,
  add column commander_at           bigint,
  add column approvals              jsonb not null default '[]',
  add column rollbacks              jsonb not null default '[]',
  add column communications         jsonb not null default '[]',
  add column escalated_at           bigint,
  add column escalated_by           text,
  add column reopens                bigint not null default 0,
  add column acknowledged_channel   text,
  add column acknowledged_reference text,
  add column postmortem_due_at      bigint,
  add column postmortem_at          bigint,
  add column postmortem_by          text,
  add column postmortem_link        text,
  add column postmortem_held        text;
