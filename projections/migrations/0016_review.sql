-- What was flagged: one row an episode, as it is now. `place` is the offset at which it began, `version` of its last event.
create table reviews (
  tenant         text not null,
  flood_id       uuid not null,
  kind           text not null,
  actor          text not null,
  state          text not null,
  count          bigint not null,
  threshold      bigint not null,
  evidence       text not null,
  rate_limit     bigint not null,
  limited_until  bigint not null,
  security_owner text not null,
  verdict        text not null,
  peak           bigint not null,
  started_at     bigint not null,
  last_at        bigint not null,
  place          bigint not null,
  version        bigint not null,
  reports        bigint,
  ended_at       bigint,
  judged_by      text,
  judged_at      bigint,
  note           text,
  processed_at   timestamptz not null default now(),
  primary key (tenant, flood_id)
);
create index reviews_newest on reviews (tenant, place desc);
create index reviews_limited on reviews (tenant, limited_until);
select mandate_protect('reviews');

-- How often a dependency fails, as each partition of signals counted it.
create table dependency_rates (
  tenant             text not null,
  dependency         text not null,
  partition          bigint not null,
  tries              bigint not null,
  failures           bigint not null,
  window_s           bigint not null,
  expected_per_mille bigint not null,
  alert_per_mille    bigint not null,
  fewest             bigint not null,
  elevated           boolean not null,
  words              text not null,
  at                 bigint not null,
  version            bigint not null,
  processed_at       timestamptz not null default now(),
  primary key (tenant, dependency, partition)
);
select mandate_protect('dependency_rates');

-- What was last said of a dependency in a region.
create table dependency_states (
  tenant       text not null,
  dependency   text not null,
  region       text not null,
  state        text not null,
  since        bigint not null,
  until        bigint,
  source       text not null,
  subject      text not null,
  note         text,
  at           bigint not null,
  version      bigint not null,
  processed_at timestamptz not null default now(),
  primary key (tenant, dependency, region)
);
select mandate_protect('dependency_states');

-- Why so many failures that healed are no incident: the numbers in words.
alter table healed_failures add column words text not null default '';
