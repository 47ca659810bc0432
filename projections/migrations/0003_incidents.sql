-- Incidents as they are now. `version` is the offset of the last event in the row; a tenant's events are on one partition.
create table incidents (
  tenant                      text not null,
  incident_id                 uuid not null,
  number                      bigint not null,
  state                       text not null,
  severity                    text not null,
  severity_reason             text not null,
  title                       text not null,
  resource                    text not null,
  fingerprint                 text not null,
  error_type                  text not null,
  sample                      text not null,
  actor                       text not null,
  historical                  bool not null,
  opened_at                   bigint not null,
  first_failure_at            bigint not null,
  last_failure_at             bigint not null,
  failures                    bigint not null,
  affected_count              bigint not null,
  failures_before_detection   bigint not null,
  first_page_at               bigint,
  failures_before_page        bigint,
  affected_before_page        bigint,
  acknowledged_at             bigint,
  last_acknowledged_at        bigint,
  failures_before_acknowledge bigint,
  assignee                    text,
  resolved_at                 bigint,
  resolved_by                 text,
  note                        text,
  version                     bigint not null,
  processed_at                timestamptz not null default now(),
  primary key (tenant, incident_id),
  unique (tenant, number)
);
create index incidents_state on incidents (tenant, state, number);
select mandate_protect('incidents');

-- The incident's own timeline: every event of it with one sentence.
create table incident_events (
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
select mandate_protect('incident_events');

-- Changes of resources, to be weighed as causes.
create table changes (
  tenant      text not null,
  change_id   uuid not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  resource    text not null,
  kind        text not null,
  before      text,
  after       text,
  summary     text,
  actor       text not null,
  action_id   uuid not null,
  event_time  bigint not null,
  at          bigint not null,
  text        text not null,
  primary key (tenant, resource, topic, partition, "offset")
);
select mandate_protect('changes');

create table healed_failures (
  tenant       text not null,
  topic        text not null,
  partition    bigint not null,
  "offset"     bigint not null,
  append_time  bigint not null,
  resource     text not null,
  fingerprint  text not null,
  actor        text not null,
  action_type  text not null,
  action_id    uuid not null,
  failed_tries bigint not null,
  total        bigint not null,
  at           bigint not null,
  primary key (tenant, topic, partition, "offset")
);
select mandate_protect('healed_failures');

-- What became of a command; the first answer stays.
create table answers (
  tenant      text not null,
  command_id  uuid not null,
  code        text not null,
  reasons     jsonb not null,
  event_ids   jsonb not null,
  append_time bigint not null,
  primary key (tenant, command_id)
);
select mandate_protect('answers');

create table refusals (
  tenant      text not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  command_id  uuid not null,
  incident_id uuid not null,
  subject     text not null,
  command     text not null,
  code        text not null,
  why         text not null,
  remedy      text not null,
  at          bigint not null,
  primary key (tenant, topic, partition, "offset")
);
create index refusals_command on refusals (tenant, command_id);
select mandate_protect('refusals');
