-- What kind of incident it is, with its fields, what one could do and why (IncidentClassified); null for a plain failure.
alter table incidents
  add column kind       text not null default 'failure',
  add column classified jsonb;
