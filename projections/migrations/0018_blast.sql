-- What an incident or a change may have hit, by the catalog of that moment; `about` is the incident's or the change's id.
create table blast_radii (
  tenant       text not null,
  about        uuid not null,
  resource     text not null,
  services     jsonb not null,
  nodes        jsonb not null,
  cut          bigint not null,
  owners       jsonb not null,
  circle       jsonb not null,
  reasons      jsonb not null,
  because      text not null,
  at           bigint not null,
  version      bigint not null,
  processed_at timestamptz not null default now(),
  primary key (tenant, about)
);
select mandate_protect('blast_radii');
-- How many effects happened on a resource while an incident lasted.
create index ledger_entries_resource on ledger_entries (tenant, resource, event_time);
