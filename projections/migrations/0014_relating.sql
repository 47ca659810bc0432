-- Incidents that may belong together, each pair once; `incident_id` is the younger one.
create table related_incidents (
  tenant       text not null,
  incident_id  uuid not null,
  other_id     uuid not null,
  number       bigint not null,
  other_number bigint not null,
  score        bigint not null,
  reasons      jsonb not null,
  at           bigint not null,
  version      bigint not null,
  processed_at timestamptz not null default now(),
  primary key (tenant, incident_id, other_id)
);
create index related_incidents_other on related_incidents (tenant, other_id);
select mandate_protect('related_incidents');
