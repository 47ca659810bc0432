-- The governed ledger: one row an entry. Only `observations` ever changes; hashes are as the processor said them.
create table ledger_entries (
  tenant             text not null,
  number             bigint not null,
  entry_id           uuid not null,
  action_id          uuid not null,
  actor              text not null,
  action_type        text not null,
  kind               text not null,
  outcome            text not null check (outcome in ('applied', 'failed', 'unknown')),
  amount             text,
  currency           text,
  counterparty       text,
  external_reference text,
  resource           text not null,
  reversibility      text not null,
  event_time         bigint not null,
  at                 bigint not null,
  previous_hash      bytea not null,
  hash               bytea not null,
  observations       bigint not null,
  version            bigint not null,
  processed_at       timestamptz not null default now(),
  primary key (tenant, entry_id),
  unique (tenant, number)
);
select mandate_protect('ledger_entries');

-- Cases as they are now. `version` is the offset of the last event in the row; a tenant's events are on one partition.
create table cases (
  tenant        text not null,
  case_id       uuid not null,
  number        bigint not null,
  world         text not null,
  state         text not null,
  reason        text not null,
  why           text not null,
  resource      text not null,
  kind          text,
  counterparty  text,
  amount        text,
  currency      text,
  action_id     uuid not null,
  actor         text not null,
  label_world   text,
  label_action  text,
  event_time    bigint not null,
  opened_at     bigint not null,
  entries_count bigint not null,
  version       bigint not null,
  processed_at  timestamptz not null default now(),
  primary key (tenant, case_id),
  unique (tenant, number)
);
select mandate_protect('cases');

-- Which entries a case names, with their hashes as the case saw them.
create table case_entries (
  tenant      text not null,
  case_id     uuid not null,
  number      bigint not null,
  entry_id    uuid not null,
  hash        bytea not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  primary key (tenant, case_id, number)
);
select mandate_protect('case_entries');
