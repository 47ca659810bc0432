-- Which cases and incidents belong together is asked when somebody reads (projections/worlds.py).
create index cases_resource on cases (tenant, resource, least(event_time, opened_at));
create index incidents_resource on incidents (tenant, resource, number);
create index incident_events_action on incident_events (tenant, action_id) where action_id is not null;
create index ledger_entries_unknown on ledger_entries (tenant, resource, least(event_time, at))
 where outcome = 'unknown';
