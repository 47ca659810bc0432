-- Versions of read models: what serves, what is being built beside it, and what served before (for a way back).
-- The tables that serve always have their own names in this schema; those of another version lie in the schema
-- <projection>_v<version>. `shape` is how many migrations made them. Without a row, version 1 serves.
create table projection_versions (
  projection text not null,
  version    int not null check (version > 0),
  state      text not null check (state in ('live', 'building', 'previous')),
  shape      int not null,
  begun_at   timestamptz not null default now(),
  swapped_at timestamptz,
  primary key (projection, version)
);
create unique index projection_versions_state on projection_versions (projection, state);

-- A position moves only for the version that it belongs to: a writer that has missed a swap moves nothing.
-- Positions of what does not serve are kept under the name <projection>_v<version>.
alter table projection_offsets add column version int not null default 1;
