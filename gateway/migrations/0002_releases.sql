-- Original bytes that were sent to a processor's input once more (redrive of dead letters, later: release of what was
-- held, review of floods). Each coordinate is admitted once: its row is there before the record is.
-- `searched_from` is where that partition of the input ended when the coordinate was claimed: the record, if a killed
-- command wrote it, lies behind.
create table releases (
  topic         text not null,
  partition     int not null,
  "offset"      bigint not null,
  state         text not null check (state in ('claimed', 'released')),
  why           text not null,
  searched_from bigint not null,
  placed_at     bigint,
  claimed_at    timestamptz not null default now(),
  released_at   timestamptz,
  primary key (topic, partition, "offset")
);
