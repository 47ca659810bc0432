-- The timeline: one row per ordered action, columns of its head and its original bytes.
-- LIST by tenant (small tenants share the default partition), then RANGE by day of append time (ms since 1970): event time
-- may say any year. Days are created ahead by the projection.
create table timeline (
  tenant        text not null,
  topic         text not null,
  partition     bigint not null,
  "offset"      bigint not null,
  append_time   bigint not null,
  event_id      uuid not null,
  actor         text not null,
  session       text not null,
  sequence      bigint not null,
  event_time    bigint not null,
  received_at   bigint not null,
  traits        bigint not null,
  resource      text not null,
  type          text not null,
  flags         text not null,
  error_type    text,
  error_message text,
  original      bytea not null,
  processed_at  timestamptz not null default now(),
  primary key (tenant, topic, partition, "offset", append_time)
) partition by list (tenant);
create index timeline_event on timeline (tenant, event_id);
create index timeline_actor on timeline (tenant, actor, topic, partition, "offset");
create index timeline_resource on timeline (tenant, resource, topic, partition, "offset");
select mandate_protect('timeline');

create table timeline_shared partition of timeline default partition by range (append_time);
select mandate_protect('timeline_shared', false);

-- Rows per tenant and day of append time (days since 1970), so that a summary counts without reading.
create table timeline_counts (
  tenant text not null,
  day    bigint not null,
  rows   bigint not null,
  primary key (tenant, day)
);
select mandate_protect('timeline_counts');

-- Holes in the numbers of an actor's session: opened, filled, declared missing. One row per event.
create table gap_events (
  tenant        text not null,
  topic         text not null,
  partition     bigint not null,
  "offset"      bigint not null,
  append_time   bigint not null,
  kind          text not null check (kind in ('opened', 'filled', 'declared')),
  actor         text not null,
  session       text not null,
  first         bigint not null,
  last          bigint not null,
  missing       jsonb not null,
  missing_count bigint not null,
  late_ms       bigint,
  opened_at     bigint,
  at            bigint not null,
  primary key (tenant, topic, partition, "offset")
);
select mandate_protect('gap_events');

create table drift_alerts (
  tenant      text not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  actor       text not null,
  kind        text not null,
  drift_ms    bigint not null,
  event_id    uuid not null,
  at          bigint not null,
  primary key (tenant, topic, partition, "offset")
);
select mandate_protect('drift_alerts');
