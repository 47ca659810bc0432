-- A version of a document is itself a change that may be the cause of what follows: it is told to the incidents
-- processor through the same outbox. `what` says which of the two a row is.
alter table configuration_outbox add column what text not null default 'document' check (what in ('document', 'change'));
alter table configuration_outbox drop constraint configuration_outbox_tenant_document_version_topic_partitio_key;
alter table configuration_outbox add unique (tenant, document, version, topic, partition, what);
