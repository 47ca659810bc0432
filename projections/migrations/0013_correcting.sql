-- What an incident is now when it was merged, and what it was split from; why it opened where it did.
alter table incidents
  add column merged_into uuid,
  add column split_from  uuid,
  add column opened_why  jsonb not null default '[]';
create index incidents_merged on incidents (tenant, merged_into) where merged_into is not null;
