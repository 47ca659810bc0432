-- The archive's manifest: which range of which place is in which file. Moved together with projection_offsets.

-- The number of the newest run of the archive. Only it may commit, so a run that was taken for dead publishes nothing;
-- one that was overtaken waits until the newer one has not been seen for a while.
create table archive_run (
  only_one boolean primary key default true check (only_one),
  run      bigint not null,
  seen     timestamptz not null default now()
);
insert into archive_run (run) values (0);

-- Ranges of a place touch. `mirrored`: the copy of the row beside the files is written.
create table archive_manifest (
  topic       text not null,
  partition   int not null,
  start       bigint not null,
  "end"       bigint not null,
  kind        text not null check (kind in ('file', 'empty', 'removed')),
  day         int not null,
  file        text unique,
  records     bigint not null,
  bytes       bigint not null,
  sha256      text,
  first_time  bigint,
  last_time   bigint,
  reason      text,
  mirrored    boolean not null default false,
  written_at  timestamptz not null default now(),
  primary key (topic, partition, start),
  check ("end" > start),
  check ((kind = 'file') = (file is not null and sha256 is not null and records > 0)),
  check ((kind = 'removed') = (reason is not null))
);
create index archive_not_mirrored on archive_manifest (topic, partition, day) where not mirrored;

-- Files that no row names any more: kept for readers that are at them, then deleted.
create table archive_superseded (
  file  text primary key,
  since timestamptz not null default now()
);
