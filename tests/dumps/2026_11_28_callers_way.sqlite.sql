CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE access_log (
	seq INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR(80) NOT NULL, 
	action VARCHAR(40) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	detail JSON NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_access_log PRIMARY KEY (seq)
);
CREATE INDEX ix_access_log_subject ON access_log (subject);
CREATE TABLE account (
	id CHAR(32) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	password_hash TEXT NOT NULL, 
	locale VARCHAR(5) NOT NULL, 
	is_active BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_account PRIMARY KEY (id), 
	CONSTRAINT uq_account_name UNIQUE (name)
);
CREATE TABLE api_token (
	id CHAR(32) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_api_token PRIMARY KEY (id), 
	CONSTRAINT uq_api_token_name UNIQUE (name), 
	CONSTRAINT uq_api_token_token_hash UNIQUE (token_hash)
);
CREATE TABLE call (
	id CHAR(32) NOT NULL, 
	node VARCHAR(16) NOT NULL, 
	linkedid VARCHAR(64) NOT NULL, 
	line VARCHAR(32) NOT NULL, 
	direction VARCHAR(10) NOT NULL, 
	caller_number VARCHAR(64), 
	phase VARCHAR(12) NOT NULL, 
	phase_at DATETIME NOT NULL, 
	started_at DATETIME NOT NULL, 
	queued_at DATETIME, 
	answered_at DATETIME, 
	ended_at DATETIME, 
	outcome VARCHAR(12), 
	hangup_by VARCHAR(10), 
	agent_id CHAR(32), 
	wait_ms INTEGER, 
	talk_ms INTEGER, 
	recording_file VARCHAR(200), hold_ms INTEGER, aside VARCHAR(10), aside_at DATETIME, aside_by VARCHAR(32), apart_at DATETIME, apart_ms INTEGER DEFAULT '0' NOT NULL, wish VARCHAR(8), origin_number VARCHAR(64), origin_order VARCHAR(64), 
	CONSTRAINT pk_call PRIMARY KEY (id), 
	CONSTRAINT uq_call_node_linkedid UNIQUE (node, linkedid)
);
CREATE INDEX ix_call_agent_id ON call (agent_id);
CREATE INDEX ix_call_caller_number ON call (caller_number);
CREATE INDEX ix_call_ended_at ON call (ended_at);
CREATE INDEX ix_call_open ON call (ended_at, started_at);
CREATE INDEX ix_call_started_at ON call (started_at);
CREATE TABLE counter (
	name VARCHAR(30) NOT NULL, 
	value INTEGER NOT NULL, 
	CONSTRAINT pk_counter PRIMARY KEY (name)
);
CREATE TABLE due_work (
	id CHAR(32) NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	due_at DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, 
	done_at DATETIME, number VARCHAR(64), is_safe BOOLEAN, 
	CONSTRAINT pk_due_work PRIMARY KEY (id)
);
CREATE INDEX ix_due_work_open ON due_work (kind, done_at, due_at);
CREATE INDEX ix_due_work_subject_id ON due_work (subject_id);
CREATE TABLE event_log (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DATETIME NOT NULL, 
	type VARCHAR(40) NOT NULL, 
	call_id CHAR(32), 
	ticket_id CHAR(32), 
	agent_id CHAR(32), 
	dedupe_key VARCHAR(200) NOT NULL, 
	data JSON NOT NULL, 
	CONSTRAINT uq_event_log_dedupe_key UNIQUE (dedupe_key)
);
CREATE INDEX ix_event_log_agent_id ON event_log (agent_id);
CREATE INDEX ix_event_log_call_id ON event_log (call_id);
CREATE INDEX ix_event_log_ticket_id ON event_log (ticket_id);
CREATE INDEX ix_event_log_type ON event_log (type);
CREATE TABLE event_parked (
	id CHAR(32) NOT NULL, 
	at DATETIME NOT NULL, 
	handler VARCHAR(120) NOT NULL, 
	type VARCHAR(40) NOT NULL, 
	dedupe_key VARCHAR(200) NOT NULL, 
	error TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	retry_at DATETIME NOT NULL, 
	CONSTRAINT pk_event_parked PRIMARY KEY (id)
);
CREATE INDEX ix_event_parked_retry_at ON event_parked (retry_at);
CREATE TABLE pbx_node (
	name VARCHAR(16) NOT NULL, 
	boot VARCHAR(40), 
	state VARCHAR(12) NOT NULL, 
	since DATETIME NOT NULL, 
	epoch INTEGER NOT NULL, turn INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_pbx_node PRIMARY KEY (name)
);
CREATE TABLE ticket (
	id CHAR(32) NOT NULL, 
	ref VARCHAR(20) NOT NULL, 
	ticket_no VARCHAR(20), 
	workflow VARCHAR(20) NOT NULL, 
	workflow_version INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	confidentiality VARCHAR(2) NOT NULL, 
	agent_id CHAR(32), 
	written_by CHAR(32), 
	version INTEGER NOT NULL, 
	"values" JSON NOT NULL, 
	field_versions JSON NOT NULL, 
	field_saved_at JSON NOT NULL, 
	opened_at DATETIME NOT NULL, 
	registered_at DATETIME, 
	closed_at DATETIME, handed_from CHAR(32), handed_at DATETIME, asked_by CHAR(32), asked_at DATETIME, 
	CONSTRAINT pk_ticket PRIMARY KEY (id), 
	CONSTRAINT uq_ticket_ref UNIQUE (ref), 
	CONSTRAINT uq_ticket_ticket_no UNIQUE (ticket_no)
);
CREATE INDEX ix_ticket_agent_id ON ticket (agent_id);
CREATE INDEX ix_ticket_mine ON ticket (agent_id, state);
CREATE INDEX ix_ticket_opened_at ON ticket (opened_at);
CREATE INDEX ix_ticket_state ON ticket (state);
CREATE TABLE agent (
	id CHAR(32) NOT NULL, 
	account_id CHAR(32) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	extension VARCHAR(16) NOT NULL, 
	endpoint VARCHAR(32) NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	reason VARCHAR(20), 
	in_queue BOOLEAN NOT NULL, 
	since DATETIME NOT NULL, 
	pending VARCHAR(40), 
	pending_at DATETIME, 
	phone VARCHAR(8) NOT NULL, 
	phone_since DATETIME NOT NULL, 
	phone_contact VARCHAR(255), 
	phone_secret VARCHAR(64) NOT NULL, 
	phone_version INTEGER NOT NULL, 
	phone_ready_version INTEGER NOT NULL, 
	wrap_up_until DATETIME, 
	misses INTEGER NOT NULL, 
	call_id CHAR(32), 
	ticket_id CHAR(32), silences INTEGER DEFAULT '0' NOT NULL, silent_at DATETIME, sound VARCHAR(4), outside_number VARCHAR(32), 
	CONSTRAINT pk_agent PRIMARY KEY (id), 
	CONSTRAINT fk_agent_account_id_account FOREIGN KEY(account_id) REFERENCES account (id), 
	CONSTRAINT uq_agent_account_id UNIQUE (account_id), 
	CONSTRAINT uq_agent_endpoint UNIQUE (endpoint), 
	CONSTRAINT uq_agent_extension UNIQUE (extension)
);
CREATE TABLE call_alias (
	node VARCHAR(16) NOT NULL, 
	linkedid VARCHAR(64) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_call_alias PRIMARY KEY (node, linkedid), 
	CONSTRAINT fk_call_alias_call_id_call FOREIGN KEY(call_id) REFERENCES call (id)
);
CREATE INDEX ix_call_alias_call_id ON call_alias (call_id);
CREATE TABLE call_offer (
	id CHAR(32) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	agent_id CHAR(32), 
	member VARCHAR(32) NOT NULL, 
	leg VARCHAR(64) NOT NULL, 
	rang_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	left_at DATETIME, 
	result VARCHAR(10) NOT NULL, role VARCHAR(10) DEFAULT 'queue' NOT NULL, owned_at DATETIME, held_at DATETIME, talk_ms INTEGER, hold_ms INTEGER, apart_ms INTEGER DEFAULT '0' NOT NULL, aside_at DATETIME, aside_ms INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_call_offer PRIMARY KEY (id), 
	CONSTRAINT fk_call_offer_call_id_call FOREIGN KEY(call_id) REFERENCES call (id)
);
CREATE INDEX ix_call_offer_agent_id ON call_offer (agent_id);
CREATE INDEX ix_call_offer_call_id ON call_offer (call_id);
CREATE TABLE contact (
	id CHAR(32) NOT NULL, 
	call_id CHAR(32), 
	channel VARCHAR(32) NOT NULL, 
	caller_number VARCHAR(64), 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_contact PRIMARY KEY (id), 
	CONSTRAINT fk_contact_call_id_call FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT uq_contact_call_id UNIQUE (call_id)
);
CREATE INDEX ix_contact_caller_number ON contact (caller_number);
CREATE TABLE recording (
	id CHAR(32) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	file VARCHAR(200) NOT NULL, 
	started_at DATETIME NOT NULL, state VARCHAR(10), apart_ms INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_recording PRIMARY KEY (id), 
	CONSTRAINT fk_recording_call_id_call FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT uq_recording_file UNIQUE (file)
);
CREATE INDEX ix_recording_call_id ON recording (call_id);
CREATE TABLE sign_in_session (
	id CHAR(32) NOT NULL, 
	account_id CHAR(32) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_sign_in_session PRIMARY KEY (id), 
	CONSTRAINT fk_sign_in_session_account_id_account FOREIGN KEY(account_id) REFERENCES account (id), 
	CONSTRAINT uq_sign_in_session_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_sign_in_session_account_id ON sign_in_session (account_id);
CREATE TABLE contact_ticket (
	contact_id CHAR(32) NOT NULL, 
	ticket_id CHAR(32) NOT NULL, 
	CONSTRAINT pk_contact_ticket PRIMARY KEY (contact_id, ticket_id), 
	CONSTRAINT fk_contact_ticket_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id), 
	CONSTRAINT fk_contact_ticket_ticket_id_ticket FOREIGN KEY(ticket_id) REFERENCES ticket (id)
);
CREATE INDEX ix_contact_ticket_ticket_id ON contact_ticket (ticket_id);
CREATE TABLE journal_call (
	node VARCHAR(16) NOT NULL, 
	source VARCHAR(10) NOT NULL, 
	linkedid VARCHAR(64) NOT NULL, 
	line VARCHAR(32) NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	outcome VARCHAR(12), 
	hangup_by VARCHAR(10), 
	CONSTRAINT pk_journal_call PRIMARY KEY (node, source, linkedid)
);
CREATE INDEX ix_journal_call_started_at ON journal_call (started_at);
CREATE TABLE journal_file (
	node VARCHAR(16) NOT NULL, 
	source VARCHAR(10) NOT NULL, 
	inode BIGINT NOT NULL, 
	"offset" BIGINT NOT NULL, 
	read_at DATETIME NOT NULL, 
	cut_at DATETIME, 
	CONSTRAINT pk_journal_file PRIMARY KEY (node, source, inode)
);
CREATE INDEX ix_recording_state ON recording (state);
CREATE TABLE call_party (
	id CHAR(32) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	leg VARCHAR(64) NOT NULL, 
	number VARCHAR(64), 
	member VARCHAR(32), 
	rang_at DATETIME NOT NULL, 
	answered_at DATETIME, 
	left_at DATETIME, 
	talk_ms INTEGER, 
	result VARCHAR(12) NOT NULL, 
	CONSTRAINT pk_call_party PRIMARY KEY (id), 
	CONSTRAINT fk_call_party_call_id_call FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT uq_call_party_call_id_leg UNIQUE (call_id, leg)
);
CREATE INDEX ix_call_party_call_id ON call_party (call_id);
CREATE TABLE ticket_addition (
	id CHAR(32) NOT NULL, 
	ticket_id CHAR(32) NOT NULL, 
	account_id CHAR(32) NOT NULL, 
	at DATETIME NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_ticket_addition PRIMARY KEY (id), 
	CONSTRAINT fk_ticket_addition_ticket_id_ticket FOREIGN KEY(ticket_id) REFERENCES ticket (id)
);
CREATE INDEX ix_ticket_addition_ticket_id ON ticket_addition (ticket_id);
CREATE TABLE outbound_dial (
	id CHAR(32) NOT NULL, 
	at DATETIME NOT NULL, 
	agent_id CHAR(32) NOT NULL, 
	node VARCHAR(16) NOT NULL, 
	linkedid VARCHAR(64), 
	number VARCHAR(20) NOT NULL, 
	line VARCHAR(32), 
	is_emergency BOOLEAN NOT NULL, 
	call_id CHAR(32), 
	ticket_id CHAR(32), 
	due_id CHAR(32), 
	CONSTRAINT pk_outbound_dial PRIMARY KEY (id), 
	CONSTRAINT fk_outbound_dial_agent_id_agent FOREIGN KEY(agent_id) REFERENCES agent (id), 
	CONSTRAINT uq_outbound_dial_node_linkedid UNIQUE (node, linkedid)
);
CREATE INDEX ix_outbound_dial_at ON outbound_dial (at);
CREATE INDEX ix_outbound_dial_agent ON outbound_dial (agent_id, at);
CREATE TABLE help_request (
	id CHAR(32) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	agent_id CHAR(32) NOT NULL, 
	asked_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	why VARCHAR(10), 
	CONSTRAINT pk_help_request PRIMARY KEY (id), 
	CONSTRAINT fk_help_request_agent_id_agent FOREIGN KEY(agent_id) REFERENCES agent (id), 
	CONSTRAINT fk_help_request_call_id_call FOREIGN KEY(call_id) REFERENCES call (id)
);
CREATE INDEX ix_help_request_call_id ON help_request (call_id);
CREATE INDEX ix_help_request_open ON help_request (ended_at, agent_id);
CREATE TABLE supervision (
	id CHAR(32) NOT NULL, 
	call_id CHAR(32) NOT NULL, 
	agent_id CHAR(32) NOT NULL, 
	supervisor_id CHAR(32) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	reason VARCHAR(12) NOT NULL, 
	mode VARCHAR(10), 
	pending VARCHAR(10), 
	pending_at DATETIME, 
	leg VARCHAR(64), 
	asked_at DATETIME NOT NULL, 
	began_at DATETIME, 
	mode_at DATETIME, 
	ended_at DATETIME, 
	result VARCHAR(10), 
	CONSTRAINT pk_supervision PRIMARY KEY (id), 
	CONSTRAINT fk_supervision_agent_id_agent FOREIGN KEY(agent_id) REFERENCES agent (id), 
	CONSTRAINT fk_supervision_call_id_call FOREIGN KEY(call_id) REFERENCES call (id), 
	CONSTRAINT fk_supervision_supervisor_id_agent FOREIGN KEY(supervisor_id) REFERENCES agent (id)
);
CREATE INDEX ix_supervision_agent_id ON supervision (agent_id);
CREATE INDEX ix_supervision_call_id ON supervision (call_id);
CREATE INDEX ix_supervision_open ON supervision (ended_at, supervisor_id);
CREATE INDEX ix_call_offer_latest ON call_offer (agent_id, rang_at);
CREATE TABLE opening_word (
	id CHAR(32) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	until DATETIME, 
	at DATETIME NOT NULL, 
	way VARCHAR(8) NOT NULL, 
	"by" VARCHAR(32) NOT NULL, 
	node VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_opening_word PRIMARY KEY (id), 
	CONSTRAINT uq_opening_word_at_way_by UNIQUE (at, way, "by")
);
CREATE INDEX ix_opening_word_at ON opening_word (at);
INSERT INTO alembic_version (version_num) VALUES ('2026_11_28_callers_way');
