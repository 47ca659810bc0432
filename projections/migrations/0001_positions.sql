-- What every projection shares: the reading role, positions, rejects, and how a tenant's table is protected.

-- Roles belong to the cluster, not to a database: another database may have made it, also at this moment.
do $$
begin
  create role mandate_reader nologin;
exception when duplicate_object or unique_violation then null;
end $$;

do $$
begin
  execute format('grant mandate_reader to %I', current_user);
  execute format('grant usage on schema %I to mandate_reader', current_schema());
end $$;

-- Position in the log per projection and place. next_offset is the next one to read; append_time that of the last record
-- projected (ms), null before the first. Positions belong to no tenant.
create table projection_offsets (
  projection  text not null,
  topic       text not null,
  partition   int not null,
  next_offset bigint not null check (next_offset >= 0),
  append_time bigint,
  moved_at    timestamptz not null default now(),
  primary key (projection, topic, partition)
);
grant select on projection_offsets to mandate_reader;

-- Records that could not be read and were passed by; for operators, so not readable by mandate_reader.
create table projection_rejects (
  projection  text not null,
  topic       text not null,
  partition   bigint not null,
  "offset"    bigint not null,
  append_time bigint not null,
  code        text not null,
  detail      text not null,
  original    bytea,
  primary key (projection, topic, partition, "offset")
);

-- Forces row-level security on a table with a column `tenant`. A reader sees the rows of the tenant in `mandate.tenant` and,
-- where that is not set, none. `readable` false: for partitions, which are read through their parent only.
create function mandate_protect(what regclass, readable boolean default true) returns void
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', what);
  execute format('alter table %s force row level security', what);
  execute format('create policy tenant_only on %s using (tenant = current_setting(''mandate.tenant'', true))', what);
  if readable then
    execute format('grant select on %s to mandate_reader', what);
  end if;
end $$;
