CREATE TABLE public.access_log (
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor character varying(80) NOT NULL,
    action character varying(40) NOT NULL,
    subject character varying(80) NOT NULL,
    detail json NOT NULL,
    hash character varying(64) NOT NULL
);
CREATE SEQUENCE public.access_log_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.access_log_seq_seq OWNED BY public.access_log.seq;
CREATE TABLE public.account (
    id uuid NOT NULL,
    name character varying(64) NOT NULL,
    role character varying(20) NOT NULL,
    password_hash text NOT NULL,
    locale character varying(5) NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.agent (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name character varying(64) NOT NULL,
    extension character varying(16) NOT NULL,
    endpoint character varying(32) NOT NULL,
    state character varying(12) NOT NULL,
    reason character varying(20),
    in_queue boolean NOT NULL,
    since timestamp with time zone NOT NULL,
    pending character varying(40),
    pending_at timestamp with time zone,
    phone character varying(8) NOT NULL,
    phone_since timestamp with time zone NOT NULL,
    phone_contact character varying(255),
    phone_secret character varying(64) NOT NULL,
    phone_version integer NOT NULL,
    phone_ready_version integer NOT NULL,
    wrap_up_until timestamp with time zone,
    misses integer NOT NULL,
    call_id uuid,
    ticket_id uuid,
    silences integer DEFAULT 0 NOT NULL,
    silent_at timestamp with time zone,
    sound character varying(4),
    outside_number character varying(32)
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.api_token (
    id uuid NOT NULL,
    name character varying(64) NOT NULL,
    role character varying(20) NOT NULL,
    token_hash character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);
CREATE TABLE public.call (
    id uuid NOT NULL,
    node character varying(16) NOT NULL,
    linkedid character varying(64) NOT NULL,
    line character varying(32) NOT NULL,
    direction character varying(10) NOT NULL,
    caller_number character varying(64),
    phase character varying(12) NOT NULL,
    phase_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    queued_at timestamp with time zone,
    answered_at timestamp with time zone,
    ended_at timestamp with time zone,
    outcome character varying(12),
    hangup_by character varying(10),
    agent_id uuid,
    wait_ms integer,
    talk_ms integer,
    recording_file character varying(200),
    hold_ms integer,
    aside character varying(10),
    aside_at timestamp with time zone,
    aside_by character varying(32),
    apart_at timestamp with time zone,
    apart_ms integer DEFAULT 0 NOT NULL,
    wish character varying(8),
    origin_number character varying(64),
    origin_order character varying(64)
);
CREATE TABLE public.call_alias (
    node character varying(16) NOT NULL,
    linkedid character varying(64) NOT NULL,
    call_id uuid NOT NULL
);
CREATE TABLE public.call_offer (
    id uuid NOT NULL,
    call_id uuid NOT NULL,
    agent_id uuid,
    member character varying(32) NOT NULL,
    leg character varying(64) NOT NULL,
    rang_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    left_at timestamp with time zone,
    result character varying(10) NOT NULL,
    role character varying(10) DEFAULT 'queue'::character varying NOT NULL,
    owned_at timestamp with time zone,
    held_at timestamp with time zone,
    talk_ms integer,
    hold_ms integer,
    apart_ms integer DEFAULT 0 NOT NULL,
    aside_at timestamp with time zone,
    aside_ms integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.call_party (
    id uuid NOT NULL,
    call_id uuid NOT NULL,
    leg character varying(64) NOT NULL,
    number character varying(64),
    member character varying(32),
    rang_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    left_at timestamp with time zone,
    talk_ms integer,
    result character varying(12) NOT NULL
);
CREATE TABLE public.contact (
    id uuid NOT NULL,
    call_id uuid,
    channel character varying(32) NOT NULL,
    caller_number character varying(64),
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.contact_ticket (
    contact_id uuid NOT NULL,
    ticket_id uuid NOT NULL
);
CREATE TABLE public.counter (
    name character varying(30) NOT NULL,
    value integer NOT NULL
);
CREATE TABLE public.due_work (
    id uuid NOT NULL,
    kind character varying(30) NOT NULL,
    subject_id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    number character varying(64),
    is_safe boolean
);
CREATE TABLE public.event_log (
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    type character varying(40) NOT NULL,
    call_id uuid,
    ticket_id uuid,
    agent_id uuid,
    dedupe_key character varying(200) NOT NULL,
    data json NOT NULL
);
CREATE SEQUENCE public.event_log_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.event_log_seq_seq OWNED BY public.event_log.seq;
CREATE TABLE public.event_parked (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    handler character varying(120) NOT NULL,
    type character varying(40) NOT NULL,
    dedupe_key character varying(200) NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    retry_at timestamp with time zone NOT NULL
);
CREATE TABLE public.help_request (
    id uuid NOT NULL,
    call_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    why character varying(10)
);
CREATE TABLE public.journal_call (
    node character varying(16) NOT NULL,
    source character varying(10) NOT NULL,
    linkedid character varying(64) NOT NULL,
    line character varying(32) NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome character varying(12),
    hangup_by character varying(10)
);
CREATE TABLE public.journal_file (
    node character varying(16) NOT NULL,
    source character varying(10) NOT NULL,
    inode bigint NOT NULL,
    "offset" bigint NOT NULL,
    read_at timestamp with time zone NOT NULL,
    cut_at timestamp with time zone
);
CREATE TABLE public.opening_word (
    id uuid NOT NULL,
    state character varying(10) NOT NULL,
    until timestamp with time zone,
    at timestamp with time zone NOT NULL,
    way character varying(8) NOT NULL,
    by character varying(32) NOT NULL,
    node character varying(16) NOT NULL
);
CREATE TABLE public.outbound_dial (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    agent_id uuid NOT NULL,
    node character varying(16) NOT NULL,
    linkedid character varying(64),
    number character varying(20) NOT NULL,
    line character varying(32),
    is_emergency boolean NOT NULL,
    call_id uuid,
    ticket_id uuid,
    due_id uuid
);
CREATE TABLE public.pbx_node (
    name character varying(16) NOT NULL,
    boot character varying(40),
    state character varying(12) NOT NULL,
    since timestamp with time zone NOT NULL,
    epoch integer NOT NULL,
    turn integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.recording (
    id uuid NOT NULL,
    call_id uuid NOT NULL,
    kind character varying(10) NOT NULL,
    file character varying(200) NOT NULL,
    started_at timestamp with time zone NOT NULL,
    state character varying(10),
    apart_ms integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.sign_in_session (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    token_hash character varying(64) NOT NULL,
    csrf character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
);
CREATE TABLE public.supervision (
    id uuid NOT NULL,
    call_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    supervisor_id uuid NOT NULL,
    role character varying(16) NOT NULL,
    reason character varying(12) NOT NULL,
    mode character varying(10),
    pending character varying(10),
    pending_at timestamp with time zone,
    leg character varying(64),
    asked_at timestamp with time zone NOT NULL,
    began_at timestamp with time zone,
    mode_at timestamp with time zone,
    ended_at timestamp with time zone,
    result character varying(10)
);
CREATE TABLE public.ticket (
    id uuid NOT NULL,
    ref character varying(20) NOT NULL,
    ticket_no character varying(20),
    workflow character varying(20) NOT NULL,
    workflow_version integer NOT NULL,
    state character varying(20) NOT NULL,
    confidentiality character varying(2) NOT NULL,
    agent_id uuid,
    written_by uuid,
    version integer NOT NULL,
    "values" json NOT NULL,
    field_versions json NOT NULL,
    field_saved_at json NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    registered_at timestamp with time zone,
    closed_at timestamp with time zone,
    handed_from uuid,
    handed_at timestamp with time zone,
    asked_by uuid,
    asked_at timestamp with time zone
);
CREATE TABLE public.ticket_addition (
    id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    account_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    text text NOT NULL
);
ALTER TABLE ONLY public.access_log ALTER COLUMN seq SET DEFAULT nextval('public.access_log_seq_seq'::regclass);
ALTER TABLE ONLY public.event_log ALTER COLUMN seq SET DEFAULT nextval('public.event_log_seq_seq'::regclass);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.access_log
    ADD CONSTRAINT pk_access_log PRIMARY KEY (seq);
ALTER TABLE ONLY public.account
    ADD CONSTRAINT pk_account PRIMARY KEY (id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT pk_agent PRIMARY KEY (id);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT pk_api_token PRIMARY KEY (id);
ALTER TABLE ONLY public.call
    ADD CONSTRAINT pk_call PRIMARY KEY (id);
ALTER TABLE ONLY public.call_alias
    ADD CONSTRAINT pk_call_alias PRIMARY KEY (node, linkedid);
ALTER TABLE ONLY public.call_offer
    ADD CONSTRAINT pk_call_offer PRIMARY KEY (id);
ALTER TABLE ONLY public.call_party
    ADD CONSTRAINT pk_call_party PRIMARY KEY (id);
ALTER TABLE ONLY public.contact
    ADD CONSTRAINT pk_contact PRIMARY KEY (id);
ALTER TABLE ONLY public.contact_ticket
    ADD CONSTRAINT pk_contact_ticket PRIMARY KEY (contact_id, ticket_id);
ALTER TABLE ONLY public.counter
    ADD CONSTRAINT pk_counter PRIMARY KEY (name);
ALTER TABLE ONLY public.due_work
    ADD CONSTRAINT pk_due_work PRIMARY KEY (id);
ALTER TABLE ONLY public.event_log
    ADD CONSTRAINT pk_event_log PRIMARY KEY (seq);
ALTER TABLE ONLY public.event_parked
    ADD CONSTRAINT pk_event_parked PRIMARY KEY (id);
ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT pk_help_request PRIMARY KEY (id);
ALTER TABLE ONLY public.journal_call
    ADD CONSTRAINT pk_journal_call PRIMARY KEY (node, source, linkedid);
ALTER TABLE ONLY public.journal_file
    ADD CONSTRAINT pk_journal_file PRIMARY KEY (node, source, inode);
ALTER TABLE ONLY public.opening_word
    ADD CONSTRAINT pk_opening_word PRIMARY KEY (id);
ALTER TABLE ONLY public.outbound_dial
    ADD CONSTRAINT pk_outbound_dial PRIMARY KEY (id);
ALTER TABLE ONLY public.pbx_node
    ADD CONSTRAINT pk_pbx_node PRIMARY KEY (name);
ALTER TABLE ONLY public.recording
    ADD CONSTRAINT pk_recording PRIMARY KEY (id);
ALTER TABLE ONLY public.sign_in_session
    ADD CONSTRAINT pk_sign_in_session PRIMARY KEY (id);
ALTER TABLE ONLY public.supervision
    ADD CONSTRAINT pk_supervision PRIMARY KEY (id);
ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT pk_ticket PRIMARY KEY (id);
ALTER TABLE ONLY public.ticket_addition
    ADD CONSTRAINT pk_ticket_addition PRIMARY KEY (id);
ALTER TABLE ONLY public.account
    ADD CONSTRAINT uq_account_name UNIQUE (name);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT uq_agent_account_id UNIQUE (account_id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT uq_agent_endpoint UNIQUE (endpoint);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT uq_agent_extension UNIQUE (extension);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT uq_api_token_name UNIQUE (name);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT uq_api_token_token_hash UNIQUE (token_hash);
ALTER TABLE ONLY public.call
    ADD CONSTRAINT uq_call_node_linkedid UNIQUE (node, linkedid);
ALTER TABLE ONLY public.call_party
    ADD CONSTRAINT uq_call_party_call_id_leg UNIQUE (call_id, leg);
ALTER TABLE ONLY public.contact
    ADD CONSTRAINT uq_contact_call_id UNIQUE (call_id);
ALTER TABLE ONLY public.event_log
    ADD CONSTRAINT uq_event_log_dedupe_key UNIQUE (dedupe_key);
ALTER TABLE ONLY public.opening_word
    ADD CONSTRAINT uq_opening_word_at_way_by UNIQUE (at, way, by);
ALTER TABLE ONLY public.outbound_dial
    ADD CONSTRAINT uq_outbound_dial_node_linkedid UNIQUE (node, linkedid);
ALTER TABLE ONLY public.recording
    ADD CONSTRAINT uq_recording_file UNIQUE (file);
ALTER TABLE ONLY public.sign_in_session
    ADD CONSTRAINT uq_sign_in_session_token_hash UNIQUE (token_hash);
ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT uq_ticket_ref UNIQUE (ref);
ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT uq_ticket_ticket_no UNIQUE (ticket_no);
CREATE INDEX ix_access_log_subject ON public.access_log USING btree (subject);
CREATE INDEX ix_call_agent_id ON public.call USING btree (agent_id);
CREATE INDEX ix_call_alias_call_id ON public.call_alias USING btree (call_id);
CREATE INDEX ix_call_caller_number ON public.call USING btree (caller_number);
CREATE INDEX ix_call_ended_at ON public.call USING btree (ended_at);
CREATE INDEX ix_call_offer_agent_id ON public.call_offer USING btree (agent_id);
CREATE INDEX ix_call_offer_call_id ON public.call_offer USING btree (call_id);
CREATE INDEX ix_call_offer_latest ON public.call_offer USING btree (agent_id, rang_at);
CREATE INDEX ix_call_open ON public.call USING btree (ended_at, started_at);
CREATE INDEX ix_call_party_call_id ON public.call_party USING btree (call_id);
CREATE INDEX ix_call_started_at ON public.call USING btree (started_at);
CREATE INDEX ix_contact_caller_number ON public.contact USING btree (caller_number);
CREATE INDEX ix_contact_ticket_ticket_id ON public.contact_ticket USING btree (ticket_id);
CREATE INDEX ix_due_work_open ON public.due_work USING btree (kind, done_at, due_at);
CREATE INDEX ix_due_work_subject_id ON public.due_work USING btree (subject_id);
CREATE INDEX ix_event_log_agent_id ON public.event_log USING btree (agent_id);
CREATE INDEX ix_event_log_call_id ON public.event_log USING btree (call_id);
CREATE INDEX ix_event_log_ticket_id ON public.event_log USING btree (ticket_id);
CREATE INDEX ix_event_log_type ON public.event_log USING btree (type);
CREATE INDEX ix_event_parked_retry_at ON public.event_parked USING btree (retry_at);
CREATE INDEX ix_help_request_call_id ON public.help_request USING btree (call_id);
CREATE INDEX ix_help_request_open ON public.help_request USING btree (ended_at, agent_id);
CREATE INDEX ix_journal_call_started_at ON public.journal_call USING btree (started_at);
CREATE INDEX ix_opening_word_at ON public.opening_word USING btree (at);
CREATE INDEX ix_outbound_dial_agent ON public.outbound_dial USING btree (agent_id, at);
CREATE INDEX ix_outbound_dial_at ON public.outbound_dial USING btree (at);
CREATE INDEX ix_recording_call_id ON public.recording USING btree (call_id);
CREATE INDEX ix_recording_state ON public.recording USING btree (state);
CREATE INDEX ix_sign_in_session_account_id ON public.sign_in_session USING btree (account_id);
CREATE INDEX ix_supervision_agent_id ON public.supervision USING btree (agent_id);
CREATE INDEX ix_supervision_call_id ON public.supervision USING btree (call_id);
CREATE INDEX ix_supervision_open ON public.supervision USING btree (ended_at, supervisor_id);
CREATE INDEX ix_ticket_addition_ticket_id ON public.ticket_addition USING btree (ticket_id);
CREATE INDEX ix_ticket_agent_id ON public.ticket USING btree (agent_id);
CREATE INDEX ix_ticket_mine ON public.ticket USING btree (agent_id, state);
CREATE INDEX ix_ticket_opened_at ON public.ticket USING btree (opened_at);
CREATE INDEX ix_ticket_state ON public.ticket USING btree (state);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT fk_agent_account_id_account FOREIGN KEY (account_id) REFERENCES public.account(id);
ALTER TABLE ONLY public.call_alias
    ADD CONSTRAINT fk_call_alias_call_id_call FOREIGN KEY (call_id) REFERENCES public.call(id);
ALTER TABLE ONLY public.call_offer
    ADD CONSTRAINT fk_call_offer_call_id_call FOREIGN KEY (call_id) REFERENCES public.call(id);
ALTER TABLE ONLY public.call_party
    ADD CONSTRAINT fk_call_party_call_id_call FOREIGN KEY (call_id) REFERENCES public.call(id);
ALTER TABLE ONLY public.contact
    ADD CONSTRAINT fk_contact_call_id_call FOREIGN KEY (call_id) REFERENCES public.call(id);
ALTER TABLE ONLY public.contact_ticket
    ADD CONSTRAINT fk_contact_ticket_contact_id_contact FOREIGN KEY (contact_id) REFERENCES public.contact(id);
ALTER TABLE ONLY public.contact_ticket
    ADD CONSTRAINT fk_contact_ticket_ticket_id_ticket FOREIGN KEY (ticket_id) REFERENCES public.ticket(id);
ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT fk_help_request_agent_id_agent FOREIGN KEY (agent_id) REFERENCES public.agent(id);
ALTER TABLE ONLY public.help_request
    ADD CONSTRAINT fk_help_request_call_id_call FOREIGN KEY (call_id) REFERENCES public.call(id);
ALTER TABLE ONLY public.outbound_dial
    ADD CONSTRAINT fk_outbound_dial_agent_id_agent FOREIGN KEY (agent_id) REFERENCES public.agent(id);
ALTER TABLE ONLY public.recording
    ADD CONSTRAINT fk_recording_call_id_call FOREIGN KEY (call_id) REFERENCES public.call(id);
ALTER TABLE ONLY public.sign_in_session
    ADD CONSTRAINT fk_sign_in_session_account_id_account FOREIGN KEY (account_id) REFERENCES public.account(id);
ALTER TABLE ONLY public.supervision
    ADD CONSTRAINT fk_supervision_agent_id_agent FOREIGN KEY (agent_id) REFERENCES public.agent(id);
ALTER TABLE ONLY public.supervision
    ADD CONSTRAINT fk_supervision_call_id_call FOREIGN KEY (call_id) REFERENCES public.call(id);
ALTER TABLE ONLY public.supervision
    ADD CONSTRAINT fk_supervision_supervisor_id_agent FOREIGN KEY (supervisor_id) REFERENCES public.agent(id);
ALTER TABLE ONLY public.ticket_addition
    ADD CONSTRAINT fk_ticket_addition_ticket_id_ticket FOREIGN KEY (ticket_id) REFERENCES public.ticket(id);
INSERT INTO alembic_version (version_num) VALUES ('2026_11_28_callers_way');
