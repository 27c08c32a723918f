-- 2026_11_24_first_tables
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent
-- 2026_11_24_journal
INSERT INTO journal_call (node, source, linkedid, line, started_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (node, source, linkedid) DO UPDATE SET line = ?
INSERT INTO journal_call (node, source, linkedid, line, started_at, ended_at, outcome, hangup_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, source, linkedid) DO UPDATE SET line = ?, ended_at = ?, outcome = ?, hangup_by = ?
INSERT INTO recording (id, call_id, kind, file, started_at) VALUES (?, ?, ?, ?, ?)
SELECT recording.id, recording.call_id, recording.kind, recording.file, recording.started_at FROM recording WHERE recording.call_id IN (NULL) ORDER BY recording.started_at
SELECT recording.id, recording.call_id, recording.kind, recording.file, recording.started_at FROM recording WHERE recording.id = ?
-- 2026_11_27_recording_state
INSERT INTO agent (id, account_id, name, extension, endpoint, state, reason, in_queue, since, pending, pending_at, phone, phone_since, phone_contact, phone_secret, phone_version, phone_ready_version, wrap_up_until, misses, call_id, ticket_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent JOIN account ON account.id = agent.account_id WHERE agent.phone_version > ? AND account.is_active = 1 ORDER BY agent.endpoint
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent ORDER BY agent.endpoint
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent WHERE agent.account_id = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent WHERE agent.call_id = ? AND agent.state IN (NULL)
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent WHERE agent.endpoint = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent WHERE agent.id = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id FROM agent WHERE agent.state = ? OR agent.pending IS NOT NULL OR agent.phone = ? OR agent.reason = ? OR agent.misses >= ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id, ticket.ref, call.line FROM agent JOIN account ON account.id = agent.account_id AND account.is_active = 1 LEFT OUTER JOIN ticket ON ticket.id = agent.ticket_id LEFT OUTER JOIN call ON call.id = agent.call_id
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.call_id, agent.ticket_id, ticket.ref, call.line FROM agent JOIN account ON account.id = agent.account_id AND account.is_active = 1 LEFT OUTER JOIN ticket ON ticket.id = agent.ticket_id LEFT OUTER JOIN call ON call.id = agent.call_id WHERE agent.id IN (NULL)
UPDATE agent SET state=?, in_queue=?, since=? WHERE agent.id = ?
-- 2026_11_27_phone_health
INSERT INTO call (id, node, linkedid, line, direction, caller_number, phase, phase_at, started_at, queued_at, answered_at, ended_at, outcome, hangup_by, agent_id, wait_ms, talk_ms, recording_file) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO call_offer (id, call_id, agent_id, member, leg, rang_at, ended_at, left_at, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO recording (id, call_id, kind, file, started_at, state) VALUES (?, ?, ?, ?, ?, ?)
INSERT INTO ticket (id, ref, ticket_no, workflow, workflow_version, state, confidentiality, agent_id, written_by, version, "values", field_versions, field_saved_at, opened_at, registered_at, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file FROM call WHERE call.id = ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file FROM call WHERE call.node = ? AND call.ended_at IS NULL AND call.phase != ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file FROM call WHERE call.node = ? AND call.linkedid = ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file FROM call WHERE call.node = ? AND call.linkedid IN (NULL) ORDER BY call.started_at
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file, ticket.ref FROM call LEFT OUTER JOIN contact ON contact.call_id = call.id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE call.ended_at IS NULL AND (call.phase NOT IN (NULL)) AND call.id IN (NULL) ORDER BY call.started_at, ticket.opened_at
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file, ticket.ref FROM call LEFT OUTER JOIN contact ON contact.call_id = call.id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE call.ended_at IS NULL AND (call.phase NOT IN (NULL)) ORDER BY call.started_at, ticket.opened_at
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result FROM call_offer WHERE call_offer.call_id = ? AND call_offer.member = ? AND call_offer.leg = ?
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result FROM call_offer WHERE call_offer.call_id IN (NULL) AND call_offer.leg != ? AND call_offer.left_at IS NULL
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call.id AS id_1, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at AS ended_at_1, call.outcome, call.hangup_by, call.agent_id AS agent_id_1, call.wait_ms, call.talk_ms, call.recording_file FROM call_offer JOIN call ON call.id = call_offer.call_id WHERE call_offer.agent_id = ? AND call_offer.result = ? ORDER BY call_offer.rang_at DESC LIMIT ? OFFSET ?
SELECT contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at, call.id AS id_1, call.node, call.linkedid, call.line, call.direction, call.caller_number AS caller_number_1, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file FROM contact JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN call ON call.id = contact.call_id WHERE contact_ticket.ticket_id = ? ORDER BY contact.at, contact.id
SELECT contact_ticket.ticket_id, contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at, call.id AS id_1, call.node, call.linkedid, call.line, call.direction, call.caller_number AS caller_number_1, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.recording_file FROM contact_ticket JOIN contact ON contact.id = contact_ticket.contact_id LEFT OUTER JOIN call ON call.id = contact.call_id WHERE contact_ticket.ticket_id IN (NULL) ORDER BY contact.at, contact.id
SELECT due_work.id, due_work.kind, due_work.subject_id, due_work.due_at, due_work.created_at, due_work.done_at, contact.id AS id_1, contact.call_id, contact.channel, contact.caller_number, contact.at, call.line, ticket.id AS id_2, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM due_work JOIN contact ON contact.id = due_work.subject_id LEFT OUTER JOIN call ON call.id = contact.call_id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE due_work.kind = ? AND due_work.done_at IS NULL ORDER BY due_work.due_at, due_work.id, ticket.opened_at LIMIT ? OFFSET ?
SELECT recording.id, recording.call_id, recording.kind, recording.file, recording.started_at, recording.state FROM recording WHERE recording.call_id IN (NULL) ORDER BY recording.started_at
SELECT recording.id, recording.call_id, recording.kind, recording.file, recording.started_at, recording.state FROM recording WHERE recording.id = ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket JOIN contact_ticket ON contact_ticket.ticket_id = ticket.id JOIN contact ON contact.id = contact_ticket.contact_id WHERE contact.call_id = ? ORDER BY ticket.opened_at DESC, ticket.id LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.agent_id = ? AND ticket.state IN (NULL) ORDER BY ticket.opened_at, ticket.id LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.ref = ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at, contact.id AS id_1, contact.call_id, contact.channel, contact.caller_number, contact.at, call.id AS id_2, call.node, call.linkedid, call.line, call.direction, call.caller_number AS caller_number_1, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id AS agent_id_1, call.wait_ms, call.talk_ms, call.recording_file FROM ticket JOIN contact_ticket ON contact_ticket.ticket_id = ticket.id JOIN contact ON contact.id = contact_ticket.contact_id LEFT OUTER JOIN call ON call.id = contact.call_id WHERE contact.caller_number = ? AND ticket.id != ? AND ticket.opened_at <= ? ORDER BY contact.at DESC, ticket.id LIMIT ? OFFSET ?
UPDATE agent SET phone=?, phone_since=?, phone_contact=? WHERE agent.id = ?
UPDATE agent SET state=?, in_queue=?, since=?, pending=?, pending_at=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, in_queue=?, since=?, phone=?, phone_since=?, phone_contact=?, wrap_up_until=?, call_id=?, ticket_id=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, in_queue=?, since=?, wrap_up_until=?, call_id=?, ticket_id=? WHERE agent.id = ?
UPDATE ticket SET agent_id=?, version=? WHERE ticket.id = ?
-- 2026_11_27_pen_and_legs
SELECT sum(CASE WHEN (call.outcome IS NULL OR (call.outcome NOT IN (NULL))) THEN ? ELSE ? END) AS offered, sum(CASE WHEN (call.answered_at IS NOT NULL) THEN ? ELSE ? END) AS answered, sum(CASE WHEN (call.answered_at IS NOT NULL AND call.wait_ms <= ?) THEN ? ELSE ? END) AS answered_fast, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS abandoned, sum(CASE WHEN (call.outcome = ? AND call.wait_ms < ?) THEN ? ELSE ? END) AS abandoned_short, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS blocked, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS voicemail, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS closed, (SELECT count(*) AS count_1 FROM due_work WHERE due_work.kind = ? AND due_work.done_at IS NULL) AS call_backs_due FROM call WHERE call.started_at >= ? AND call.phase != ?
UPDATE call SET answered_at=?, agent_id=?, wait_ms=? WHERE call.id = ?
-- 2026_11_27_outbound_dial
DELETE FROM access_log WHERE access_log.seq = ?
DELETE FROM call
DELETE FROM call WHERE call.id = ?
DELETE FROM call_offer
DELETE FROM contact
DELETE FROM contact_ticket
DELETE FROM due_work
DELETE FROM event_log
DELETE FROM event_parked WHERE event_parked.id = ?
DELETE FROM journal_call
DELETE FROM journal_call WHERE journal_call.node = ? AND journal_call.source = ? AND journal_call.linkedid = ?
DELETE FROM journal_file
DELETE FROM journal_file WHERE journal_file.node = ? AND journal_file.source = ? AND journal_file.inode IN (NULL)
DELETE FROM outbound_dial WHERE outbound_dial.id = ?
DELETE FROM recording
DELETE FROM ticket
INSERT INTO counter (name, value) VALUES (?, ?)
INSERT INTO event_parked (id, at, handler, type, dedupe_key, error, attempts, retry_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO journal_call (node, source, linkedid, line, started_at, ended_at, outcome, hangup_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO journal_call (node, source, linkedid, line, started_at, ended_at, outcome, hangup_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, source, linkedid) DO UPDATE SET line = excluded.line
INSERT INTO journal_call (node, source, linkedid, line, started_at, ended_at, outcome, hangup_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, source, linkedid) DO UPDATE SET line = excluded.line, ended_at = excluded.ended_at, outcome = excluded.outcome, hangup_by = excluded.hangup_by
INSERT INTO journal_file (node, source, inode, "offset", read_at, cut_at) VALUES (?, ?, ?, ?, ?, ?)
INSERT INTO journal_file (node, source, inode, "offset", read_at, cut_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (node, source, inode) DO UPDATE SET "offset" = ?, read_at = ?
INSERT INTO journal_file (node, source, inode, "offset", read_at, cut_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (node, source, inode) DO UPDATE SET "offset" = ?, read_at = ?, cut_at = coalesce(journal_file.cut_at, ?)
INSERT INTO pbx_node (name, boot, state, since, epoch) VALUES (?, ?, ?, ?, ?)
INSERT INTO ticket_addition (id, ticket_id, account_id, at, text) VALUES (?, ?, ?, ?, ?)
SELECT EXISTS (SELECT call.id FROM call JOIN contact ON contact.call_id = call.id JOIN contact_ticket ON contact_ticket.contact_id = contact.id WHERE contact_ticket.ticket_id = ? AND call.ended_at IS NULL) AS anon_1
SELECT EXISTS (SELECT call_offer.id FROM call_offer JOIN contact ON contact.call_id = call_offer.call_id JOIN contact_ticket ON contact_ticket.contact_id = contact.id WHERE contact_ticket.ticket_id = ? AND call_offer.agent_id IN (NULL) AND call_offer.result = ?) AS anon_1
SELECT access_log.seq, access_log.at, access_log.actor, access_log.action, access_log.subject, access_log.detail, access_log.hash FROM access_log ORDER BY access_log.seq
SELECT access_log.seq, access_log.at, access_log.actor, access_log.action, access_log.subject, access_log.detail, access_log.hash FROM access_log WHERE access_log.seq > ? ORDER BY access_log.seq LIMIT ? OFFSET ?
SELECT access_log.subject FROM access_log ORDER BY access_log.seq
SELECT account.id, account.name, account.role, account.password_hash, account.locale, account.is_active, account.created_at FROM account WHERE account.id = ?
SELECT account.id, account.name, account.role, account.password_hash, account.locale, account.is_active, account.created_at FROM account WHERE account.name = ?
SELECT agent.account_id, agent.id FROM agent WHERE agent.account_id IN (NULL)
SELECT agent.endpoint, agent.name FROM agent WHERE agent.endpoint IN (NULL)
SELECT agent.extension FROM agent
SELECT agent.id FROM agent JOIN account ON account.id = agent.account_id WHERE agent.phone_version > agent.phone_ready_version AND account.is_active = 1 LIMIT ? OFFSET ?
SELECT agent.id FROM agent WHERE agent.extension = ? OR agent.account_id = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent JOIN account ON account.id = agent.account_id WHERE agent.phone_version > ? AND account.is_active = 1 ORDER BY agent.endpoint
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent ORDER BY agent.endpoint
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent WHERE agent.call_id = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent WHERE agent.state = ? OR agent.pending IS NOT NULL OR agent.phone = ? OR agent.reason = ? OR agent.misses >= ? OR agent.silences >= ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id, ticket.ref, call.line FROM agent JOIN account ON account.id = agent.account_id AND account.is_active = 1 LEFT OUTER JOIN ticket ON ticket.id = agent.ticket_id LEFT OUTER JOIN call ON call.id = agent.call_id WHERE agent.id IN (NULL)
SELECT api_token.id, api_token.name, api_token.role, api_token.token_hash, api_token.created_at, api_token.revoked_at FROM api_token WHERE api_token.id IN (NULL) AND api_token.revoked_at IS NULL
SELECT api_token.id, api_token.name, api_token.role, api_token.token_hash, api_token.created_at, api_token.revoked_at FROM api_token WHERE api_token.token_hash = ? AND api_token.revoked_at IS NULL
SELECT call.caller_number FROM call WHERE call.id = ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call ORDER BY call.linkedid
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE (call.agent_id IN (NULL) OR call.id IN (SELECT call_offer.call_id FROM call_offer WHERE call_offer.agent_id IN (NULL) AND call_offer.result = ?) OR call.id IN (SELECT contact.call_id FROM contact JOIN contact_ticket ON contact_ticket.contact_id = contact.id JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE ticket.agent_id IN (NULL) AND contact.call_id IS NOT NULL)) AND call.phase != ? ORDER BY call.started_at DESC, call.id DESC LIMIT ? OFFSET ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE 0 = 1 ORDER BY call.started_at DESC, call.id DESC LIMIT ? OFFSET ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE call.linkedid = ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE call.node = ? AND call.ended_at IS NULL AND call.phase != ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE call.node = ? AND call.linkedid IN (NULL) ORDER BY call.started_at
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE call.phase != ? AND (call.started_at, call.id) < (?, ?) ORDER BY call.started_at DESC, call.id DESC LIMIT ? OFFSET ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE call.phase != ? ORDER BY call.started_at DESC, call.id DESC LIMIT ? OFFSET ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms, agent.name, ticket.ref FROM call LEFT OUTER JOIN agent ON agent.endpoint = call.aside_by LEFT OUTER JOIN contact ON contact.call_id = call.id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE call.aside = ? AND call.ended_at IS NULL ORDER BY call.aside_at, ticket.opened_at
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms, call_offer.id AS id_1, call_offer.call_id, call_offer.agent_id AS agent_id_1, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at AS ended_at_1, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms AS talk_ms_1, call_offer.hold_ms AS hold_ms_1, call_offer.apart_ms AS apart_ms_1 FROM call JOIN call_offer ON call_offer.call_id = call.id WHERE call_offer.agent_id = ? AND call_offer.left_at IS NULL AND call.ended_at IS NULL AND call_offer.role != ? AND (call_offer.result = ? OR call_offer.result = ? AND call_offer.role = ?) ORDER BY call_offer.rang_at DESC LIMIT ? OFFSET ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms, ticket.ref FROM call LEFT OUTER JOIN contact ON contact.call_id = call.id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE call.ended_at IS NULL AND (call.phase NOT IN (NULL)) AND call.id IN (NULL) ORDER BY call.started_at, ticket.opened_at
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms, ticket.ref FROM call LEFT OUTER JOIN contact ON contact.call_id = call.id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE call.ended_at IS NULL AND (call.phase NOT IN (NULL)) ORDER BY call.started_at, ticket.opened_at
SELECT call.linkedid, call.line FROM call WHERE call.node = ? AND call.linkedid IN (NULL)
SELECT call.node, call.linkedid, call.id FROM call WHERE call.linkedid IN (NULL)
SELECT call.node, call.linkedid, call.line, call.started_at, call.ended_at, call.outcome, call.id FROM call WHERE call.started_at >= ? AND call.started_at < ? AND call.phase != ?
SELECT call_alias.node, call_alias.linkedid, call.linkedid AS linkedid_1 FROM call_alias JOIN call ON call.id = call_alias.call_id WHERE call.started_at >= ? AND call.started_at < ?
SELECT call_alias.node, call_alias.linkedid, call_alias.call_id FROM call_alias
SELECT call_alias.node, call_alias.linkedid, call_alias.call_id FROM call_alias WHERE call_alias.call_id IN (NULL)
SELECT call_offer.agent_id FROM call_offer JOIN call ON call.id = call_offer.call_id JOIN contact ON contact.call_id = call.id JOIN contact_ticket ON contact_ticket.contact_id = contact.id WHERE contact_ticket.ticket_id = ? AND call_offer.agent_id = ? AND call.ended_at IS NULL AND call_offer.result = ? LIMIT ? OFFSET ?
SELECT call_offer.agent_id FROM call_offer WHERE call_offer.call_id = ? AND call_offer.owned_at IS NOT NULL AND call_offer.agent_id IS NOT NULL ORDER BY call_offer.owned_at DESC LIMIT ? OFFSET ?
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer ORDER BY call_offer.rang_at
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer WHERE call_offer.agent_id = ?
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer WHERE call_offer.call_id = ?
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer WHERE call_offer.call_id = ? AND call_offer.left_at IS NULL AND call_offer.result IN (NULL)
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer WHERE call_offer.call_id = ? ORDER BY call_offer.rang_at
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer WHERE call_offer.call_id IN (NULL) AND call_offer.leg != ? AND call_offer.left_at IS NULL
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer WHERE call_offer.id = ?
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms, call.id AS id_1, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at AS ended_at_1, call.outcome, call.hangup_by, call.agent_id AS agent_id_1, call.wait_ms, call.talk_ms AS talk_ms_1, call.hold_ms AS hold_ms_1, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms AS apart_ms_1 FROM call_offer JOIN call ON call.id = call_offer.call_id WHERE call_offer.agent_id = ? AND call_offer.result = ? AND call_offer.left_at IS NULL AND call_offer.role != ? AND call.ended_at IS NULL ORDER BY call_offer.ended_at DESC LIMIT ? OFFSET ?
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms, call.id AS id_1, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at AS ended_at_1, call.outcome, call.hangup_by, call.agent_id AS agent_id_1, call.wait_ms, call.talk_ms AS talk_ms_1, call.hold_ms AS hold_ms_1, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms AS apart_ms_1 FROM call_offer JOIN call ON call.id = call_offer.call_id WHERE call_offer.agent_id = ? AND call_offer.result = ? ORDER BY call_offer.rang_at DESC LIMIT ? OFFSET ?
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party ORDER BY call_party.rang_at
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party WHERE call_party.call_id = ? AND call_party.left_at IS NULL ORDER BY call_party.rang_at
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party WHERE call_party.call_id = ? ORDER BY call_party.rang_at
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party WHERE call_party.call_id IN (NULL) AND call_party.left_at IS NULL
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party WHERE call_party.id = ?
SELECT contact.call_id, ticket.ref, ticket.agent_id FROM contact JOIN contact_ticket ON contact_ticket.contact_id = contact.id JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE contact.call_id IN (NULL) ORDER BY ticket.opened_at
SELECT contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at FROM contact
SELECT contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at FROM contact JOIN contact_ticket ON contact.id = contact_ticket.contact_id WHERE contact_ticket.ticket_id = ? ORDER BY contact.id
SELECT contact_ticket.contact_id, contact_ticket.ticket_id FROM contact_ticket
SELECT contact_ticket.ticket_id, contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at, call.id AS id_1, call.node, call.linkedid, call.line, call.direction, call.caller_number AS caller_number_1, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM contact_ticket JOIN contact ON contact.id = contact_ticket.contact_id LEFT OUTER JOIN call ON call.id = contact.call_id WHERE contact_ticket.ticket_id IN (NULL) ORDER BY contact.at, contact.id
SELECT count(*) AS count_1 FROM call
SELECT count(*) AS count_1 FROM counter
SELECT count(*) AS count_1 FROM event_log WHERE event_log.type = ? AND event_log.at >= ? AND event_log.at < ?
SELECT count(*) AS count_1 FROM event_parked
SELECT count(*) AS count_1, min(outbound_dial.at) AS min_1 FROM outbound_dial WHERE outbound_dial.at > ? AND outbound_dial.is_emergency IS 0
SELECT count(*) AS count_1, min(outbound_dial.at) AS min_1 FROM outbound_dial WHERE outbound_dial.at > ? AND outbound_dial.is_emergency IS 0 AND outbound_dial.agent_id = ?
SELECT count(*) AS count_1, min(outbound_dial.at) AS min_1 FROM outbound_dial WHERE outbound_dial.at > ? AND outbound_dial.is_emergency IS 0 AND outbound_dial.number = ?
SELECT counter.name, counter.value FROM counter WHERE counter.name = ?
SELECT counter.value FROM counter WHERE counter.name = ?
SELECT due_work.done_at, contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at, call.line FROM due_work JOIN contact ON contact.id = due_work.subject_id LEFT OUTER JOIN call ON call.id = contact.call_id WHERE due_work.id = ? AND due_work.kind = ?
SELECT due_work.id, due_work.kind, due_work.subject_id, due_work.due_at, due_work.created_at, due_work.done_at FROM due_work
SELECT due_work.id, due_work.kind, due_work.subject_id, due_work.due_at, due_work.created_at, due_work.done_at FROM due_work JOIN contact ON contact.id = due_work.subject_id WHERE contact.call_id = ? AND due_work.kind = ? AND due_work.done_at IS NULL
SELECT due_work.id, due_work.kind, due_work.subject_id, due_work.due_at, due_work.created_at, due_work.done_at FROM due_work WHERE due_work.id = ?
SELECT due_work.id, due_work.kind, due_work.subject_id, due_work.due_at, due_work.created_at, due_work.done_at FROM due_work WHERE due_work.id = ? AND due_work.kind = ?
SELECT due_work.id, due_work.kind, due_work.subject_id, due_work.due_at, due_work.created_at, due_work.done_at, contact.id AS id_1, contact.call_id, contact.channel, contact.caller_number, contact.at, call.line, ticket.id AS id_2, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM due_work JOIN contact ON contact.id = due_work.subject_id LEFT OUTER JOIN call ON call.id = contact.call_id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE due_work.kind = ? AND due_work.done_at IS NULL ORDER BY due_work.due_at, due_work.id, ticket.opened_at LIMIT ? OFFSET ?
SELECT event_log.data FROM event_log WHERE event_log.type = ?
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log ORDER BY event_log.seq
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log WHERE event_log.dedupe_key = ?
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log WHERE event_log.dedupe_key IN (NULL) ORDER BY event_log.seq
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log WHERE event_log.seq > ? ORDER BY event_log.seq LIMIT ? OFFSET ?
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log WHERE event_log.type = ?
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log WHERE event_log.type = ? ORDER BY event_log.seq DESC LIMIT ? OFFSET ?
SELECT event_log.seq, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.data FROM event_log WHERE event_log.seq > ? ORDER BY event_log.seq LIMIT ? OFFSET ?
SELECT event_parked.id FROM event_parked WHERE event_parked.retry_at <= ? ORDER BY event_parked.at LIMIT ? OFFSET ?
SELECT event_parked.id, event_parked.at, event_parked.handler, event_parked.type, event_parked.dedupe_key, event_parked.error, event_parked.attempts, event_parked.retry_at FROM event_parked
SELECT event_parked.id, event_parked.at, event_parked.handler, event_parked.type, event_parked.dedupe_key, event_parked.error, event_parked.attempts, event_parked.retry_at FROM event_parked ORDER BY event_parked.at DESC LIMIT ? OFFSET ?
SELECT event_parked.id, event_parked.at, event_parked.handler, event_parked.type, event_parked.dedupe_key, event_parked.error, event_parked.attempts, event_parked.retry_at FROM event_parked ORDER BY event_parked.at LIMIT ? OFFSET ?
SELECT event_parked.id, event_parked.at, event_parked.handler, event_parked.type, event_parked.dedupe_key, event_parked.error, event_parked.attempts, event_parked.retry_at FROM event_parked ORDER BY event_parked.dedupe_key
SELECT event_parked.id, event_parked.at, event_parked.handler, event_parked.type, event_parked.dedupe_key, event_parked.error, event_parked.attempts, event_parked.retry_at FROM event_parked WHERE event_parked.id = ?
SELECT journal_call.linkedid FROM journal_call WHERE journal_call.node = ? AND journal_call.source = ? AND journal_call.ended_at IS NOT NULL AND journal_call.linkedid IN (NULL)
SELECT journal_call.node, journal_call.source, journal_call.linkedid, journal_call.line, journal_call.started_at, journal_call.ended_at, journal_call.outcome, journal_call.hangup_by FROM journal_call
SELECT journal_call.node, journal_call.source, journal_call.linkedid, journal_call.line, journal_call.started_at, journal_call.ended_at, journal_call.outcome, journal_call.hangup_by FROM journal_call ORDER BY journal_call.source
SELECT journal_call.source, journal_call.node, journal_call.linkedid, journal_call.line, journal_call.started_at, journal_call.ended_at, journal_call.outcome FROM journal_call WHERE journal_call.started_at >= ? AND journal_call.started_at < ?
SELECT journal_file.node, journal_file.source, journal_file.inode, journal_file."offset", journal_file.read_at, journal_file.cut_at FROM journal_file
SELECT journal_file.node, journal_file.source, journal_file.inode, journal_file."offset", journal_file.read_at, journal_file.cut_at FROM journal_file WHERE journal_file.node = ?
SELECT journal_file.node, journal_file.source, journal_file.inode, journal_file."offset", journal_file.read_at, journal_file.cut_at FROM journal_file WHERE journal_file.node = ? AND journal_file.source = ? AND journal_file.inode = ?
SELECT journal_file.node, journal_file.source, max(journal_file.read_at) AS max_1 FROM journal_file GROUP BY journal_file.node, journal_file.source
SELECT journal_file.node, journal_file.source, max(journal_file.read_at) AS max_1 FROM journal_file GROUP BY journal_file.node, journal_file.source ORDER BY journal_file.node, journal_file.source
SELECT journal_file.source FROM journal_file
SELECT journal_file.source, max(journal_file.read_at) AS max_1 FROM journal_file WHERE journal_file.node = ? GROUP BY journal_file.source
SELECT outbound_dial.id, outbound_dial.at, outbound_dial.agent_id, outbound_dial.node, outbound_dial.linkedid, outbound_dial.number, outbound_dial.line, outbound_dial.is_emergency, outbound_dial.call_id, outbound_dial.ticket_id, outbound_dial.due_id FROM outbound_dial ORDER BY outbound_dial.at
SELECT pbx_node.name FROM pbx_node
SELECT pbx_node.name, pbx_node.boot, pbx_node.state, pbx_node.since, pbx_node.epoch FROM pbx_node WHERE pbx_node.name = ?
SELECT pbx_node.name, pbx_node.state, pbx_node.since, pbx_node.boot FROM pbx_node ORDER BY pbx_node.name
SELECT recording.id, recording.call_id, recording.file, call.ended_at FROM recording JOIN call ON call.id = recording.call_id WHERE recording.state IS NULL AND call.ended_at IS NOT NULL AND call.node = ? AND call.ended_at <= ? ORDER BY call.ended_at LIMIT ? OFFSET ?
SELECT recording.id, recording.call_id, recording.kind, recording.file, recording.started_at, recording.state, recording.apart_ms FROM recording
SELECT recording.id, recording.call_id, recording.kind, recording.file, recording.started_at, recording.state, recording.apart_ms FROM recording WHERE recording.id = ?
SELECT sign_in_session.account_id FROM sign_in_session WHERE sign_in_session.id = ?
SELECT sign_in_session.id FROM sign_in_session WHERE sign_in_session.account_id = ? AND sign_in_session.ended_at IS NULL
SELECT sign_in_session.id, sign_in_session.account_id, sign_in_session.token_hash, sign_in_session.csrf, sign_in_session.created_at, sign_in_session.seen_at, sign_in_session.expires_at, sign_in_session.ended_at FROM sign_in_session
SELECT sign_in_session.id, sign_in_session.account_id, sign_in_session.token_hash, sign_in_session.csrf, sign_in_session.created_at, sign_in_session.seen_at, sign_in_session.expires_at, sign_in_session.ended_at FROM sign_in_session WHERE sign_in_session.ended_at IS NULL AND (sign_in_session.expires_at <= ? OR sign_in_session.seen_at <= ?)
SELECT sign_in_session.id, sign_in_session.account_id, sign_in_session.token_hash, sign_in_session.csrf, sign_in_session.created_at, sign_in_session.seen_at, sign_in_session.expires_at, sign_in_session.ended_at FROM sign_in_session WHERE sign_in_session.id = ?
SELECT sign_in_session.id, sign_in_session.account_id, sign_in_session.token_hash, sign_in_session.csrf, sign_in_session.created_at, sign_in_session.seen_at, sign_in_session.expires_at, sign_in_session.ended_at, account.id AS id_1, account.name, account.role, account.password_hash, account.locale, account.is_active, account.created_at AS created_at_1 FROM sign_in_session JOIN account ON account.id = sign_in_session.account_id WHERE sign_in_session.id IN (NULL) AND sign_in_session.ended_at IS NULL AND sign_in_session.expires_at > ? AND sign_in_session.seen_at > ? AND account.is_active IS 1
SELECT sign_in_session.seen_at FROM sign_in_session
SELECT sign_in_session.token_hash FROM sign_in_session
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket JOIN contact_ticket ON contact_ticket.ticket_id = ticket.id JOIN contact ON contact.id = contact_ticket.contact_id JOIN call ON call.id = contact.call_id WHERE call.linkedid = ? OR call.id IN (SELECT call_alias.call_id FROM call_alias WHERE call_alias.linkedid = ?) ORDER BY ticket.opened_at DESC, ticket.id LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket JOIN contact_ticket ON contact_ticket.ticket_id = ticket.id JOIN contact ON contact.id = contact_ticket.contact_id WHERE contact.call_id = ? ORDER BY ticket.opened_at LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE (ticket.agent_id IN (NULL) OR ticket.confidentiality IN (NULL)) AND (ticket.opened_at, ticket.id) < (?, ?) ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE (ticket.agent_id IN (NULL) OR ticket.confidentiality IN (NULL)) AND ticket.agent_id IN (NULL) ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE (ticket.agent_id IN (NULL) OR ticket.confidentiality IN (NULL)) AND ticket.state IN (NULL) ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE (ticket.opened_at, ticket.id) < (?, ?) ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE 0 = 1 ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE 1 = 1 ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.agent_id = ? AND ticket.state IN (NULL) ORDER BY ticket.opened_at, ticket.id LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.agent_id IN (NULL) OR ticket.confidentiality IN (NULL) ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.id = ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.id IN (SELECT contact_ticket.ticket_id FROM contact_ticket JOIN contact ON contact.id = contact_ticket.contact_id WHERE contact.caller_number = ?) ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.state = ? AND ticket.opened_at < ? ORDER BY ticket.opened_at, ticket.id LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.state = ? ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.state IN (NULL) ORDER BY ticket.opened_at DESC, ticket.id DESC LIMIT ? OFFSET ?
SELECT ticket_addition.id, ticket_addition.ticket_id, ticket_addition.account_id, ticket_addition.at, ticket_addition.text FROM ticket_addition
SELECT ticket_addition.id, ticket_addition.ticket_id, ticket_addition.account_id, ticket_addition.at, ticket_addition.text FROM ticket_addition JOIN contact_ticket ON contact_ticket.ticket_id = ticket_addition.ticket_id JOIN contact ON contact.id = contact_ticket.contact_id WHERE contact.call_id = ? ORDER BY ticket_addition.at DESC LIMIT ? OFFSET ?
UPDATE access_log SET actor=? WHERE access_log.seq = ?
UPDATE access_log SET at=? WHERE access_log.seq = ?
UPDATE access_log SET detail=? WHERE access_log.seq = ?
UPDATE access_log SET hash=? WHERE access_log.seq = ?
UPDATE access_log SET subject=? WHERE access_log.seq = ?
UPDATE account SET is_active=? WHERE account.id = ?
UPDATE account SET password_hash=? WHERE account.id = ?
UPDATE account SET role=?, locale=? WHERE account.id = ?
UPDATE agent SET call_id=? WHERE agent.id = ?
UPDATE agent SET call_id=?, ticket_id=? WHERE agent.id = ?
UPDATE agent SET misses=? WHERE agent.id = ?
UPDATE agent SET pending=? WHERE agent.id = ?
UPDATE agent SET pending=?, pending_at=? WHERE agent.id = ?
UPDATE agent SET pending=?, pending_at=?, misses=? WHERE agent.id = ?
UPDATE agent SET pending=?, pending_at=?, phone=?, phone_secret=?, phone_version=? WHERE agent.id = ?
UPDATE agent SET pending=?, pending_at=?, silences=? WHERE agent.id = ?
UPDATE agent SET phone=? WHERE agent.id = ?
UPDATE agent SET phone=?, phone_contact=? WHERE agent.id = ?
UPDATE agent SET phone=?, phone_secret=?, phone_version=? WHERE agent.id = ?
UPDATE agent SET phone=?, phone_since=? WHERE agent.id = ?
UPDATE agent SET phone=?, phone_since=?, phone_contact=?, phone_ready_version=? WHERE agent.id = ?
UPDATE agent SET phone=?, phone_since=?, phone_contact=?, phone_secret=?, phone_version=?, outside_number=? WHERE agent.id = ?
UPDATE agent SET phone_contact=? WHERE agent.id = ?
UPDATE agent SET phone_ready_version=? WHERE agent.id = ?
UPDATE agent SET phone_secret=?, phone_version=? WHERE agent.id = ?
UPDATE agent SET phone_secret=?, phone_version=?, phone_ready_version=? WHERE agent.id = ?
UPDATE agent SET phone_since=?, phone_secret=?, phone_version=? WHERE agent.id = ?
UPDATE agent SET phone_since=?, phone_secret=?, phone_version=?, outside_number=? WHERE agent.id = ?
UPDATE agent SET reason=? WHERE agent.id = ?
UPDATE agent SET reason=?, pending=?, pending_at=? WHERE agent.id = ?
UPDATE agent SET reason=?, wrap_up_until=? WHERE agent.id = ?
UPDATE agent SET silences=? WHERE agent.id = ?
UPDATE agent SET silences=?, silent_at=? WHERE agent.id = ?
UPDATE agent SET silent_at=? WHERE agent.id = ?
UPDATE agent SET since=? WHERE agent.id = ?
UPDATE agent SET since=?, misses=? WHERE agent.id = ?
UPDATE agent SET sound=? WHERE agent.id = ?
UPDATE agent SET state=?, call_id=? WHERE agent.id = ?
UPDATE agent SET state=?, call_id=?, ticket_id=? WHERE agent.id = ?
UPDATE agent SET state=?, in_queue=? WHERE agent.id = ?
UPDATE agent SET state=?, in_queue=?, pending=?, pending_at=? WHERE agent.id = ?
UPDATE agent SET state=?, in_queue=?, since=?, sound=? WHERE agent.id = ?
UPDATE agent SET state=?, misses=? WHERE agent.id = ?
UPDATE agent SET state=?, misses=?, call_id=? WHERE agent.id = ?
UPDATE agent SET state=?, phone=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, call_id=?, ticket_id=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, in_queue=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, in_queue=?, phone=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, in_queue=?, since=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, pending=?, pending_at=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, pending=?, pending_at=?, call_id=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, pending=?, pending_at=?, wrap_up_until=?, call_id=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, since=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, since=?, pending=?, pending_at=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, since=?, pending=?, pending_at=?, wrap_up_until=?, call_id=? WHERE agent.id = ?
UPDATE agent SET state=?, reason=?, wrap_up_until=? WHERE agent.id = ?
UPDATE agent SET state=?, since=?, call_id=? WHERE agent.id = ?
UPDATE agent SET state=?, since=?, ticket_id=? WHERE agent.id = ?
UPDATE agent SET ticket_id=? WHERE agent.id = ?
UPDATE agent SET wrap_up_until=? WHERE agent.id = ?
UPDATE api_token SET revoked_at=? WHERE api_token.name = ? AND api_token.revoked_at IS NULL
UPDATE call SET agent_id=?, talk_ms=? WHERE call.id = ?
UPDATE call SET agent_id=?, talk_ms=?, aside=?, aside_at=?, aside_by=?, apart_at=?, apart_ms=? WHERE call.id = ?
UPDATE call SET answered_at=?, talk_ms=? WHERE call.id = ?
UPDATE call SET answered_at=?, wait_ms=? WHERE call.id = ?
UPDATE call SET answered_at=?, wait_ms=?, aside=?, aside_at=?, aside_by=? WHERE call.id = ?
UPDATE call SET aside=?, aside_at=?, aside_by=? WHERE call.id = ?
UPDATE call SET ended_at=? WHERE call.id = ?
UPDATE call SET ended_at=?, hangup_by=? WHERE call.id = ?
UPDATE call SET ended_at=?, hangup_by=?, agent_id=?, talk_ms=? WHERE call.id = ?
UPDATE call SET ended_at=?, hangup_by=?, talk_ms=? WHERE call.id = ?
UPDATE call SET ended_at=?, hangup_by=?, wait_ms=? WHERE call.id = ?
UPDATE call SET ended_at=?, outcome=?, hangup_by=? WHERE call.id = ?
UPDATE call SET ended_at=?, outcome=?, hangup_by=?, agent_id=?, talk_ms=? WHERE call.id = ?
UPDATE call SET ended_at=?, outcome=?, hangup_by=?, talk_ms=? WHERE call.id = ?
UPDATE call SET ended_at=?, outcome=?, hangup_by=?, wait_ms=? WHERE call.id = ?
UPDATE call SET hangup_by=?, wait_ms=? WHERE call.id = ?
UPDATE call SET line=? WHERE call.id = ?
UPDATE call SET linkedid=?, direction=? WHERE call.id = ?
UPDATE call SET outcome=? WHERE call.id = ?
UPDATE call SET outcome=?, hangup_by=?, talk_ms=? WHERE call.id = ?
UPDATE call SET phase=?, answered_at=?, agent_id=?, wait_ms=? WHERE call.id = ?
UPDATE call SET phase=?, answered_at=?, agent_id=?, wait_ms=?, aside=?, aside_at=?, aside_by=? WHERE call.id = ?
UPDATE call SET phase=?, ended_at=?, outcome=?, hangup_by=? WHERE call.id = ?
UPDATE call SET phase=?, ended_at=?, outcome=?, hangup_by=?, talk_ms=?, hold_ms=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, ended_at=?, outcome=?, hangup_by=?, wait_ms=?, talk_ms=?, hold_ms=?, aside=?, aside_at=?, aside_by=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, ended_at=?, outcome=?, talk_ms=?, hold_ms=? WHERE call.id = ?
UPDATE call SET phase=?, ended_at=?, outcome=?, wait_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, agent_id=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, agent_id=?, apart_at=?, apart_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, answered_at=?, agent_id=?, wait_ms=?, aside=?, aside_at=?, aside_by=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, answered_at=?, ended_at=?, outcome=?, hangup_by=?, agent_id=?, wait_ms=?, talk_ms=?, hold_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, answered_at=?, ended_at=?, outcome=?, hangup_by=?, agent_id=?, wait_ms=?, talk_ms=?, hold_ms=?, aside=?, aside_at=?, aside_by=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, answered_at=?, ended_at=?, outcome=?, hangup_by=?, wait_ms=?, talk_ms=?, hold_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, answered_at=?, wait_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, apart_at=?, apart_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, agent_id=?, talk_ms=?, hold_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, agent_id=?, talk_ms=?, hold_ms=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, agent_id=?, talk_ms=?, hold_ms=?, apart_at=?, apart_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, agent_id=?, talk_ms=?, hold_ms=?, aside=?, aside_at=?, aside_by=?, apart_at=?, apart_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, talk_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, talk_ms=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, talk_ms=?, hold_ms=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, talk_ms=?, hold_ms=?, apart_at=?, apart_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, wait_ms=?, talk_ms=?, hold_ms=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, wait_ms=?, talk_ms=?, hold_ms=?, aside=?, aside_at=?, aside_by=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hold_ms=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, talk_ms=?, hold_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, wait_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, queued_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, queued_at=?, ended_at=?, outcome=?, hangup_by=?, wait_ms=?, talk_ms=?, hold_ms=?, recording_file=?, aside=?, aside_at=?, aside_by=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, queued_at=?, recording_file=?, aside=?, aside_at=?, aside_by=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, talk_ms=?, apart_at=? WHERE call.id = ?
UPDATE call SET phase_at=? WHERE call.id = ?
UPDATE call SET queued_at=?, answered_at=?, agent_id=?, wait_ms=?, recording_file=?, aside=?, aside_at=?, aside_by=? WHERE call.id = ?
UPDATE call SET queued_at=?, ended_at=?, hangup_by=?, wait_ms=?, recording_file=? WHERE call.id = ?
UPDATE call SET queued_at=?, recording_file=? WHERE call.id = ?
UPDATE call SET started_at=?, answered_at=?, wait_ms=?, talk_ms=? WHERE call.id = ?
UPDATE call_alias SET call_id=? WHERE call_alias.call_id = ?
UPDATE call_offer SET call_id=? WHERE call_offer.call_id = ?
UPDATE call_offer SET ended_at=? WHERE call_offer.call_id = ? AND call_offer.ended_at > ?
UPDATE call_offer SET ended_at=?, left_at=?, owned_at=?, talk_ms=?, hold_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET ended_at=?, left_at=?, result=? WHERE call_offer.id = ?
UPDATE call_offer SET ended_at=?, left_at=?, result=?, owned_at=?, talk_ms=?, hold_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET ended_at=?, left_at=?, result=?, owned_at=?, talk_ms=?, hold_ms=?, apart_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET ended_at=?, owned_at=? WHERE call_offer.id = ?
UPDATE call_offer SET ended_at=?, result=?, owned_at=?, apart_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET held_at=? WHERE call_offer.id = ?
UPDATE call_offer SET held_at=?, hold_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET left_at=? WHERE call_offer.call_id = ? AND call_offer.left_at > ?
UPDATE call_offer SET left_at=? WHERE call_offer.id = ?
UPDATE call_offer SET left_at=?, held_at=?, talk_ms=?, hold_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET left_at=?, talk_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET result=?, owned_at=? WHERE call_offer.id = ?
UPDATE call_offer SET talk_ms=?, hold_ms=? WHERE call_offer.call_id = ? AND call_offer.left_at > ?
UPDATE call_party SET call_id=? WHERE call_party.call_id = ?
UPDATE call_party SET left_at=? WHERE call_party.id = ?
UPDATE call_party SET left_at=?, result=? WHERE call_party.id = ?
UPDATE call_party SET number=?, answered_at=?, left_at=?, talk_ms=?, result=? WHERE call_party.id = ?
UPDATE call_party SET number=?, left_at=?, result=? WHERE call_party.id = ?
UPDATE contact SET channel=? WHERE contact.id = ?
UPDATE counter SET value=? WHERE counter.name = ?
UPDATE due_work SET done_at=? WHERE due_work.id = ?
UPDATE due_work SET done_at=? WHERE due_work.id = ? AND due_work.kind = ? AND due_work.done_at IS NULL
UPDATE event_log SET call_id=? WHERE event_log.seq = ?
UPDATE event_log SET ticket_id=? WHERE event_log.seq = ?
UPDATE event_parked SET attempts=?, retry_at=? WHERE event_parked.id = ?
UPDATE journal_call SET ended_at=?, outcome=? WHERE journal_call.node = ? AND journal_call.source = ? AND journal_call.linkedid = ?
UPDATE journal_call SET ended_at=journal_call.started_at, outcome=?, hangup_by=? WHERE journal_call.node = ? AND journal_call.source = ? AND journal_call.ended_at IS NULL AND journal_call.started_at < ?
UPDATE journal_call SET line=? WHERE journal_call.node = ? AND journal_call.source = ? AND journal_call.linkedid = ?
UPDATE journal_call SET outcome=? WHERE journal_call.node = ? AND journal_call.source = ? AND journal_call.linkedid = ?
UPDATE journal_call SET started_at=? WHERE journal_call.node = ? AND journal_call.source = ? AND journal_call.linkedid = ?
UPDATE pbx_node SET boot=?, epoch=? WHERE pbx_node.name = ?
UPDATE pbx_node SET boot=?, since=?, epoch=? WHERE pbx_node.name = ?
UPDATE pbx_node SET boot=?, state=?, since=?, epoch=? WHERE pbx_node.name = ?
UPDATE pbx_node SET epoch=? WHERE pbx_node.name = ?
UPDATE pbx_node SET since=?, epoch=? WHERE pbx_node.name = ?
UPDATE pbx_node SET state=? WHERE pbx_node.name = ?
UPDATE pbx_node SET state=?, since=? WHERE pbx_node.name = ?
UPDATE pbx_node SET state=?, since=?, epoch=? WHERE pbx_node.name = ?
UPDATE recording SET call_id=? WHERE recording.call_id = ?
UPDATE recording SET state=? WHERE recording.id = ?
UPDATE sign_in_session SET ended_at=? WHERE sign_in_session.id = ? AND sign_in_session.ended_at IS NULL
UPDATE sign_in_session SET seen_at=? WHERE sign_in_session.id = ?
UPDATE sign_in_session SET seen_at=? WHERE sign_in_session.id IN (NULL) AND sign_in_session.seen_at <= ?
UPDATE ticket SET agent_id=?, handed_from=?, handed_at=?, asked_by=?, asked_at=?, version=? WHERE ticket.id = ?
UPDATE ticket SET asked_by=?, asked_at=? WHERE ticket.id = ?
UPDATE ticket SET confidentiality=? WHERE ticket.id = ?
UPDATE ticket SET confidentiality=?, agent_id=? WHERE ticket.id = ?
UPDATE ticket SET handed_at=?, version=? WHERE ticket.id = ?
UPDATE ticket SET handed_from=?, handed_at=?, version=? WHERE ticket.id = ?
UPDATE ticket SET state=? WHERE ticket.id = ?
UPDATE ticket SET state=?, version=?, closed_at=? WHERE ticket.id = ?
UPDATE ticket SET state=?, written_by=?, version=?, "values"=?, field_versions=?, field_saved_at=?, closed_at=? WHERE ticket.id = ?
UPDATE ticket SET ticket_no=?, state=?, version=?, registered_at=? WHERE ticket.id = ?
UPDATE ticket SET ticket_no=?, state=?, version=?, registered_at=?, closed_at=? WHERE ticket.id = ?
UPDATE ticket SET written_by=?, version=?, "values"=?, field_versions=? WHERE ticket.id = ?
-- 2026_11_27_supervision
INSERT INTO access_log (seq, at, actor, action, subject, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)
INSERT INTO account (id, name, role, password_hash, locale, is_active, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
INSERT INTO agent (id, account_id, name, extension, endpoint, state, reason, in_queue, since, pending, pending_at, phone, phone_since, phone_contact, phone_secret, phone_version, phone_ready_version, wrap_up_until, misses, silences, silent_at, sound, outside_number, call_id, ticket_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO api_token (id, name, role, token_hash, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)
INSERT INTO call (id, node, linkedid, line, direction, caller_number, phase, phase_at, started_at, queued_at, answered_at, ended_at, outcome, hangup_by, agent_id, wait_ms, talk_ms, hold_ms, recording_file, aside, aside_at, aside_by, apart_at, apart_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO call_alias (node, linkedid, call_id) VALUES (?, ?, ?)
INSERT INTO call_offer (id, call_id, agent_id, member, leg, rang_at, ended_at, left_at, result, role, owned_at, held_at, talk_ms, hold_ms, apart_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO call_party (id, call_id, leg, number, member, rang_at, answered_at, left_at, talk_ms, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO contact (id, call_id, channel, caller_number, at) VALUES (?, ?, ?, ?, ?)
INSERT INTO contact_ticket (contact_id, ticket_id) VALUES (?, ?)
INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = (counter.value + ?) RETURNING value
INSERT INTO due_work (id, kind, subject_id, due_at, created_at, done_at) VALUES (?, ?, ?, ?, ?, ?)
INSERT INTO event_log (seq, at, type, call_id, ticket_id, agent_id, dedupe_key, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (dedupe_key) DO NOTHING
INSERT INTO help_request (id, call_id, agent_id, asked_at, ended_at, why) VALUES (?, ?, ?, ?, ?, ?)
INSERT INTO outbound_dial (id, at, agent_id, node, linkedid, number, line, is_emergency, call_id, ticket_id, due_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO recording (id, call_id, kind, file, started_at, state, apart_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
INSERT INTO sign_in_session (id, account_id, token_hash, csrf, created_at, seen_at, expires_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO supervision (id, call_id, agent_id, supervisor_id, role, reason, mode, pending, pending_at, leg, asked_at, began_at, mode_at, ended_at, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
INSERT INTO ticket (id, ref, ticket_no, workflow, workflow_version, state, confidentiality, agent_id, written_by, handed_from, handed_at, asked_by, asked_at, version, "values", field_versions, field_saved_at, opened_at, registered_at, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
SELECT access_log.seq, access_log.hash FROM access_log ORDER BY access_log.seq DESC LIMIT ? OFFSET ?
SELECT account.id, account.name, agent.id AS id_1, agent.endpoint, agent.name AS name_1 FROM account LEFT OUTER JOIN agent ON agent.account_id = account.id WHERE account.id IN (NULL) OR agent.id IN (NULL) OR agent.endpoint IN (NULL)
SELECT agent.endpoint FROM agent
SELECT agent.id FROM agent WHERE agent.account_id = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent WHERE agent.account_id = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent WHERE agent.call_id = ? AND agent.state IN (NULL)
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent WHERE agent.endpoint = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id FROM agent WHERE agent.id = ?
SELECT agent.id, agent.account_id, agent.name, agent.extension, agent.endpoint, agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.pending_at, agent.phone, agent.phone_since, agent.phone_contact, agent.phone_secret, agent.phone_version, agent.phone_ready_version, agent.wrap_up_until, agent.misses, agent.silences, agent.silent_at, agent.sound, agent.outside_number, agent.call_id, agent.ticket_id, ticket.ref, call.line FROM agent JOIN account ON account.id = agent.account_id AND account.is_active = 1 LEFT OUTER JOIN ticket ON ticket.id = agent.ticket_id LEFT OUTER JOIN call ON call.id = agent.call_id
SELECT agent.id, agent.name FROM agent WHERE agent.id IN (NULL)
SELECT api_token.id FROM api_token WHERE api_token.name = ?
SELECT call.id FROM call WHERE call.node = ? AND call.linkedid = ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call ORDER BY call.started_at
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE call.id = ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM call WHERE call.node = ? AND call.linkedid = ?
SELECT call.id, call.node, call.linkedid, call.line, call.direction, call.caller_number, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms, ticket.ref FROM call LEFT OUTER JOIN contact ON contact.call_id = call.id LEFT OUTER JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE call.ended_at IS NULL AND (call.phase NOT IN (NULL)) ORDER BY call.started_at, ticket.opened_at DESC
SELECT call_alias.node, call_alias.linkedid, call_alias.call_id FROM call_alias WHERE call_alias.call_id IN (NULL) ORDER BY call_alias.linkedid
SELECT call_alias.node, call_alias.linkedid, call_alias.call_id FROM call_alias WHERE call_alias.node = ? AND call_alias.linkedid = ?
SELECT call_offer.agent_id FROM call_offer JOIN call ON call.id = call_offer.call_id JOIN contact ON contact.call_id = call.id JOIN contact_ticket ON contact_ticket.contact_id = contact.id WHERE contact_ticket.ticket_id = ? AND call.ended_at IS NULL AND call_offer.result = ? AND call_offer.left_at IS NULL AND call_offer.agent_id IS NOT NULL ORDER BY call_offer.ended_at
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms FROM call_offer WHERE call_offer.call_id = ? AND call_offer.member = ? AND call_offer.leg = ?
SELECT call_offer.id, call_offer.call_id, call_offer.agent_id, call_offer.member, call_offer.leg, call_offer.rang_at, call_offer.ended_at, call_offer.left_at, call_offer.result, call_offer.role, call_offer.owned_at, call_offer.held_at, call_offer.talk_ms, call_offer.hold_ms, call_offer.apart_ms, agent.name FROM call_offer LEFT OUTER JOIN agent ON agent.id = call_offer.agent_id WHERE call_offer.call_id IN (NULL) ORDER BY call_offer.rang_at, call_offer.leg
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party WHERE call_party.call_id = ? AND call_party.leg = ?
SELECT call_party.id, call_party.call_id, call_party.leg, call_party.number, call_party.member, call_party.rang_at, call_party.answered_at, call_party.left_at, call_party.talk_ms, call_party.result FROM call_party WHERE call_party.call_id IN (NULL)
SELECT contact.call_id, ticket.ref, ticket.agent_id FROM contact JOIN contact_ticket ON contact_ticket.contact_id = contact.id JOIN ticket ON ticket.id = contact_ticket.ticket_id WHERE contact.call_id IN (NULL) ORDER BY ticket.opened_at DESC
SELECT contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at FROM contact WHERE contact.call_id = ?
SELECT contact.id, contact.call_id, contact.channel, contact.caller_number, contact.at, call.id AS id_1, call.node, call.linkedid, call.line, call.direction, call.caller_number AS caller_number_1, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM contact JOIN contact_ticket ON contact_ticket.contact_id = contact.id LEFT OUTER JOIN call ON call.id = contact.call_id WHERE contact_ticket.ticket_id = ? ORDER BY contact.at, contact.id
SELECT contact_ticket.ticket_id FROM contact_ticket WHERE contact_ticket.contact_id = ? LIMIT ? OFFSET ?
SELECT due_work.id, due_work.kind, due_work.subject_id, due_work.due_at, due_work.created_at, due_work.done_at FROM due_work WHERE due_work.kind = ? AND due_work.subject_id = ? LIMIT ? OFFSET ?
SELECT event_log.dedupe_key FROM event_log WHERE event_log.dedupe_key IN (NULL)
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log WHERE event_log.call_id = ? ORDER BY event_log.seq
SELECT event_log.seq, event_log.at, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.dedupe_key, event_log.data FROM event_log WHERE event_log.ticket_id = ? OR event_log.call_id IN (SELECT contact.call_id FROM contact JOIN contact_ticket ON contact_ticket.contact_id = contact.id WHERE contact_ticket.ticket_id = ? AND contact.call_id IS NOT NULL) ORDER BY event_log.seq LIMIT ? OFFSET ?
SELECT event_log.seq, event_log.type, event_log.call_id, event_log.ticket_id, event_log.agent_id, event_log.data, event_log.at FROM event_log WHERE event_log.seq > ? ORDER BY event_log.seq LIMIT ? OFFSET ?
SELECT help_request.agent_id, agent.name, help_request.asked_at, call.line FROM help_request JOIN agent ON agent.id = help_request.agent_id JOIN call ON call.id = help_request.call_id WHERE help_request.ended_at IS NULL ORDER BY help_request.asked_at
SELECT help_request.id, help_request.call_id, help_request.agent_id, help_request.asked_at, help_request.ended_at, help_request.why FROM help_request WHERE help_request.ended_at IS NULL AND help_request.agent_id = ?
SELECT help_request.id, help_request.call_id, help_request.agent_id, help_request.asked_at, help_request.ended_at, help_request.why FROM help_request WHERE help_request.ended_at IS NULL AND help_request.call_id = ?
SELECT max(event_log.seq) AS max_1 FROM event_log
SELECT outbound_dial.id, outbound_dial.at, outbound_dial.agent_id, outbound_dial.node, outbound_dial.linkedid, outbound_dial.number, outbound_dial.line, outbound_dial.is_emergency, outbound_dial.call_id, outbound_dial.ticket_id, outbound_dial.due_id FROM outbound_dial WHERE outbound_dial.node = ? AND outbound_dial.linkedid = ?
SELECT pbx_node.state, pbx_node.since, pbx_node.epoch FROM pbx_node
SELECT recording.id FROM recording WHERE recording.file = ?
SELECT recording.id, recording.call_id, recording.kind, recording.file, recording.started_at, recording.state, recording.apart_ms FROM recording WHERE recording.call_id IN (NULL) ORDER BY recording.started_at
SELECT sign_in_session.id, sign_in_session.account_id, sign_in_session.token_hash, sign_in_session.csrf, sign_in_session.created_at, sign_in_session.seen_at, sign_in_session.expires_at, sign_in_session.ended_at, account.id AS id_1, account.name, account.role, account.password_hash, account.locale, account.is_active, account.created_at AS created_at_1 FROM sign_in_session JOIN account ON account.id = sign_in_session.account_id WHERE sign_in_session.token_hash = ? AND sign_in_session.ended_at IS NULL AND sign_in_session.expires_at > ? AND sign_in_session.seen_at > ? AND account.is_active IS 1
SELECT sum(CASE WHEN (call.outcome IS NULL OR (call.outcome NOT IN (NULL))) THEN ? ELSE ? END) AS offered, sum(CASE WHEN (call.answered_at IS NOT NULL) THEN ? ELSE ? END) AS answered, sum(CASE WHEN (call.answered_at IS NOT NULL AND call.wait_ms <= ?) THEN ? ELSE ? END) AS answered_fast, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS abandoned, sum(CASE WHEN (call.outcome = ? AND call.wait_ms < ?) THEN ? ELSE ? END) AS abandoned_short, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS blocked, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS voicemail, sum(CASE WHEN (call.outcome = ?) THEN ? ELSE ? END) AS closed, (SELECT count(*) AS count_1 FROM due_work WHERE due_work.kind = ? AND due_work.done_at IS NULL) AS call_backs_due FROM call WHERE call.started_at >= ? AND call.phase != ? AND (call.direction NOT IN (NULL))
SELECT supervision.id, supervision.call_id, supervision.agent_id, supervision.supervisor_id, supervision.role, supervision.reason, supervision.mode, supervision.pending, supervision.pending_at, supervision.leg, supervision.asked_at, supervision.began_at, supervision.mode_at, supervision.ended_at, supervision.result, agent_1.name, agent.name AS name_1, call.line FROM supervision JOIN agent AS agent_1 ON agent_1.id = supervision.supervisor_id JOIN agent ON agent.id = supervision.agent_id JOIN call ON call.id = supervision.call_id WHERE supervision.ended_at IS NULL ORDER BY supervision.asked_at
SELECT ticket.id, ticket.ref, ticket.agent_id, ticket.confidentiality, contact.call_id FROM ticket LEFT OUTER JOIN contact_ticket ON contact_ticket.ticket_id = ticket.id LEFT OUTER JOIN contact ON contact.id = contact_ticket.contact_id WHERE ticket.id IN (NULL) ORDER BY contact.at
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket JOIN contact_ticket ON contact_ticket.ticket_id = ticket.id JOIN contact ON contact.id = contact_ticket.contact_id WHERE contact.call_id = ? ORDER BY ticket.opened_at DESC, ticket.id LIMIT ? OFFSET ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket ORDER BY ticket.opened_at
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at FROM ticket WHERE ticket.ref = ?
SELECT ticket.id, ticket.ref, ticket.ticket_no, ticket.workflow, ticket.workflow_version, ticket.state, ticket.confidentiality, ticket.agent_id, ticket.written_by, ticket.handed_from, ticket.handed_at, ticket.asked_by, ticket.asked_at, ticket.version, ticket."values", ticket.field_versions, ticket.field_saved_at, ticket.opened_at, ticket.registered_at, ticket.closed_at, contact.id AS id_1, contact.call_id, contact.channel, contact.caller_number, contact.at, call.id AS id_2, call.node, call.linkedid, call.line, call.direction, call.caller_number AS caller_number_1, call.phase, call.phase_at, call.started_at, call.queued_at, call.answered_at, call.ended_at, call.outcome, call.hangup_by, call.agent_id AS agent_id_1, call.wait_ms, call.talk_ms, call.hold_ms, call.recording_file, call.aside, call.aside_at, call.aside_by, call.apart_at, call.apart_ms FROM ticket JOIN contact_ticket ON contact_ticket.ticket_id = ticket.id JOIN contact ON contact.id = contact_ticket.contact_id LEFT OUTER JOIN call ON call.id = contact.call_id WHERE contact.caller_number = ? AND ticket.id != ? AND ticket.opened_at <= ? ORDER BY contact.at DESC, ticket.id LIMIT ? OFFSET ?
SELECT ticket_addition.id, ticket_addition.ticket_id, ticket_addition.account_id, ticket_addition.at, ticket_addition.text FROM ticket_addition WHERE ticket_addition.ticket_id = ? ORDER BY ticket_addition.at, ticket_addition.id
UPDATE account SET locale=? WHERE account.id = ?
UPDATE agent SET state=? WHERE agent.id = ?
UPDATE agent SET state=?, since=? WHERE agent.id = ?
UPDATE agent SET state=?, since=?, call_id=?, ticket_id=? WHERE agent.id = ?
UPDATE agent SET state=?, since=?, misses=? WHERE agent.id = ?
UPDATE agent SET state=?, since=?, misses=?, call_id=?, ticket_id=? WHERE agent.id = ?
UPDATE call SET agent_id=? WHERE call.id = ?
UPDATE call SET aside=?, aside_at=?, aside_by=?, apart_at=? WHERE call.id = ?
UPDATE call SET aside=?, aside_at=?, aside_by=?, apart_at=?, apart_ms=? WHERE call.id = ?
UPDATE call SET phase=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, answered_at=?, agent_id=?, wait_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, hold_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, talk_ms=?, hold_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, ended_at=?, outcome=?, hangup_by=?, wait_ms=? WHERE call.id = ?
UPDATE call SET phase=?, phase_at=?, queued_at=?, recording_file=? WHERE call.id = ?
UPDATE call SET talk_ms=? WHERE call.id = ?
UPDATE call_offer SET ended_at=?, result=? WHERE call_offer.id = ?
UPDATE call_offer SET ended_at=?, result=?, owned_at=? WHERE call_offer.id = ?
UPDATE call_offer SET left_at=?, talk_ms=?, hold_ms=? WHERE call_offer.id = ?
UPDATE call_offer SET owned_at=? WHERE call_offer.id = ?
UPDATE call_offer SET owned_at=?, apart_ms=? WHERE call_offer.id = ?
UPDATE call_party SET answered_at=?, result=? WHERE call_party.id = ?
UPDATE call_party SET left_at=?, talk_ms=? WHERE call_party.id = ?
UPDATE call_party SET number=? WHERE call_party.id = ?
UPDATE ticket SET agent_id=?, handed_at=?, version=? WHERE ticket.id = ?
UPDATE ticket SET agent_id=?, handed_from=?, handed_at=?, version=? WHERE ticket.id = ?
UPDATE ticket SET version=?, "values"=?, field_versions=?, field_saved_at=? WHERE ticket.id = ?
UPDATE ticket SET written_by=?, version=?, "values"=?, field_versions=?, field_saved_at=? WHERE ticket.id = ?
