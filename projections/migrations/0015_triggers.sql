-- What opened an incident and how far it is to be believed, maintenance windows, freezes, crossed thresholds, and what
-- is only suggested.
alter table incidents
  add column trigger_confidence text not null default 'high',
  add column in_maintenance     text;

alter table changes
  add column links          jsonb not null default '[]',
  add column "freeze"       text,
  add column freeze_message text;

create table breaches (
  tenant         text not null,
  breach_id      uuid not null,
  incident_id    uuid not null,
  topic          text not null,
  partition      bigint not null,
  "offset"       bigint not null,
  append_time    bigint not null,
  threshold      text not null,
  name           text not null,
  resource       text not null,
  actor          text,
  value          bigint not null,
  unit           text,
  "limit"        bigint not null,
  side           text not null,
  held_s         bigint not null,
  baseline       bigint,
  ratio_permille bigint,
  samples        bigint not null,
  event_time     bigint not null,
  opened         bool not null,
  at             bigint not null,
  primary key (tenant, incident_id, topic, partition, "offset")
);
select mandate_protect('breaches');

-- Beside the breaches, so that both are only ever appended to.
create table breach_ends (
  tenant      text not null,
  breach_id   uuid not null,
  incident_id uuid not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  value       bigint not null,
  lasted_s    bigint not null,
  at          bigint not null,
  primary key (tenant, incident_id, topic, partition, "offset")
);
select mandate_protect('breach_ends');

create table suggestions (
  tenant           text not null,
  suggestion_id    uuid not null,
  number           bigint not null,
  kind             text not null,
  confidence       text not null,
  resource         text not null,
  title            text not null,
  pattern          text not null,
  actor            text,
  past_number      bigint,
  reasons          jsonb not null,
  evidence         jsonb not null,
  event_time       bigint not null,
  at               bigint not null,
  expires_at       bigint not null,
  version          bigint not null,
  state            text not null,
  times            bigint not null,
  decided_at       bigint,
  decided_by       text,
  said             text,
  incident_id      uuid,
  incident_number  bigint,
  primary key (tenant, suggestion_id)
);
create unique index suggestions_number on suggestions (tenant, number);
create index suggestions_state on suggestions (tenant, state, number desc);
create index suggestions_pattern on suggestions (tenant, kind, pattern);
select mandate_protect('suggestions');
