-- The archive: a tenant's records are taken out of files, and a loss is accepted. Both are entries of the manifest.

-- `removed` with a tenant: that tenant's records of the range are no longer in the file that holds it. It lies over the
-- entries that hold the range, and touches none of them.
alter table archive_manifest add column tenant text;
alter table archive_manifest drop constraint archive_manifest_pkey;
create unique index archive_manifest_place on archive_manifest (topic, partition, start, coalesce(tenant, ''));
alter table archive_manifest drop constraint archive_manifest_kind_check;
alter table archive_manifest add check (kind in ('file', 'empty', 'removed', 'lost'));
alter table archive_manifest drop constraint archive_manifest_check2;
alter table archive_manifest add check ((kind in ('removed', 'lost')) = (reason is not null));
alter table archive_manifest add check (tenant is null or kind = 'removed');

-- What was asked to be removed, so that a run that died is finished by the next upkeep. `before`: days since 1970.
-- Of retention the newest stays: what lies before it was looked at.
create table archive_removals (
  id        bigint generated always as identity primary key,
  tenant    text not null,
  before    int not null,
  retention boolean not null,
  reason    text not null,
  asked_at  timestamptz not null default now(),
  done_at   timestamptz
);
create index archive_removals_open on archive_removals (id) where done_at is null;
