-- One row per page (notification_id): who, by which channel, what came of it.
create table pages (
  tenant          text not null,
  notification_id uuid not null,
  incident_id     uuid not null,
  number          bigint not null,
  person          text not null,
  channel_kind    text not null,
  channel_address text not null,
  why             text not null,
  severity        text not null,
  title           text not null,
  resource        text not null,
  since           bigint not null,
  failures        bigint not null,
  affected_count  bigint not null,
  also_paged      jsonb not null,
  step            bigint not null,
  steps           bigint not null,
  round           bigint not null,
  rounds          bigint not null,
  link            text not null,
  attempts        bigint not null,
  requested_at    bigint not null,
  outcome         text not null check (outcome in ('pending', 'delivered', 'failed', 'unknown')),
  outcome_at      bigint,
  detail          text not null,
  acknowledged_at bigint,
  requested_place bigint not null,
  version         bigint not null,
  processed_at    timestamptz not null default now(),
  primary key (tenant, notification_id)
);
create index pages_incident on pages (tenant, incident_id, requested_place);
create index pages_recent on pages (tenant, requested_place);
select mandate_protect('pages');

-- How far the paging of an incident has come. `exhausted` shows red on top of every web page.
create table escalations (
  tenant        text not null,
  incident_id   uuid not null,
  number        bigint not null,
  state         text not null check (state in ('running', 'stopped', 'exhausted')),
  policy        text not null,
  policy_reason text not null,
  why           text not null,
  started_at    bigint not null,
  stopped_at    bigint,
  stopped_by    text,
  stop_reason   text,
  exhausted_at  bigint,
  fallback      text,
  rounds        bigint,
  version       bigint not null,
  processed_at  timestamptz not null default now(),
  primary key (tenant, incident_id)
);
create index escalations_exhausted on escalations (tenant, exhausted_at) where state = 'exhausted';
select mandate_protect('escalations');

-- Entries of an incident's timeline that come from its pages.
create table page_events (
  tenant      text not null,
  incident_id uuid not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  at          bigint not null,
  kind        text not null,
  text        text not null,
  actor       text,
  record_id   uuid,
  action_id   uuid,
  details     jsonb not null,
  primary key (tenant, incident_id, topic, partition, "offset")
);
select mandate_protect('page_events');
