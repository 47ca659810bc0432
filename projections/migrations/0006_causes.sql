-- What an incident has besides failures: its likely cause, reports, alerts, and the moves of people.
alter table incidents
  add column trigger                 text not null default 'error',
  add column assigned_by             text,
  add column contained_at            bigint,
  add column contained_by            text,
  add column failures_before_contain bigint,
  add column reopened_at             bigint,
  add column closed_at               bigint,
  add column closed_by               text,
  add column reports                 bigint not null default 0,
  add column alerts                  bigint not null default 0,
  add column alerts_firing           bigint not null default 0,
  add column confidence              text,
  add column cause                   jsonb,
  add column cause_resource          text,
  add column severities              jsonb not null default '[]';

alter table changes add column recorded_by text;

create table reports (
  tenant       text not null,
  report_id    uuid not null,
  incident_id  uuid not null,
  topic        text not null,
  partition    bigint not null,
  "offset"     bigint not null,
  append_time  bigint not null,
  subject      text not null,
  subject_kind text not null,
  resource     text not null,
  what         text not null,
  severity     text,
  since        bigint,
  opened       bool not null,
  at           bigint not null,
  primary key (tenant, incident_id, topic, partition, "offset")
);
create index reports_command on reports (tenant, report_id);
select mandate_protect('reports');

create table alerts (
  tenant        text not null,
  alert_id      uuid not null,
  incident_id   uuid not null,
  topic         text not null,
  partition     bigint not null,
  "offset"      bigint not null,
  append_time   bigint not null,
  source        text not null,
  fingerprint   text not null,
  name          text not null,
  resource      text not null,
  resource_from text not null,
  summary       text,
  severity      text,
  link          text,
  starts_at     bigint not null,
  opened        bool not null,
  at            bigint not null,
  primary key (tenant, incident_id, topic, partition, "offset")
);
select mandate_protect('alerts');

-- Beside the alerts, so that both are only ever appended to.
create table alert_ends (
  tenant      text not null,
  alert_id    uuid not null,
  incident_id uuid not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  ends_at     bigint,
  at          bigint not null,
  primary key (tenant, incident_id, topic, partition, "offset")
);
select mandate_protect('alert_ends');
