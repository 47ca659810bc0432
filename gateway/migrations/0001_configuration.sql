-- The gateway's own tables: configuration by version, who may ask, what is still to be announced.
-- Row-level security is forced as on every tenant's table; the gateway's role has BYPASSRLS, the reading role no grant.

create table configuration (
  tenant     text not null,
  document   text not null,
  version    int not null check (version > 0),
  hash       text not null,
  body       bytea not null,
  created_at timestamptz not null default now(),
  created_by text not null,
  primary key (tenant, document, version)
);
select mandate_protect('configuration', false);

-- Hashes only: a token cannot be read back from here. One token, one tenant.
create table tokens (
  sha256  text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  tenant  text not null,
  subject text not null,
  kind    text not null check (kind in ('agent', 'person', 'operator', 'integration')),
  roles   text[] not null default '{}'
);
create index tokens_tenant on tokens (tenant);
select mandate_protect('tokens', false);

-- Signs what a tenant's webhooks receive: whsec_ and base64 of 32 random bytes. The effects service reads it.
create table webhook_secrets (
  tenant     text primary key,
  secret     text not null,
  created_at timestamptz not null default now()
);
select mandate_protect('webhook_secrets', false);

-- One row per announcement: a version of a document on one partition of one processor's input.
create table configuration_outbox (
  id           bigint generated always as identity primary key,
  tenant       text not null,
  document     text not null,
  version      int not null,
  topic        text not null,
  partition    int not null,
  created_at   timestamptz not null default now(),
  announced_at timestamptz,
  unique (tenant, document, version, topic, partition),
  foreign key (tenant, document, version) references configuration
);
create index configuration_outbox_pending on configuration_outbox (id) where announced_at is null;
select mandate_protect('configuration_outbox', false);
