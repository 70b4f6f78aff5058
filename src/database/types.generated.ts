// Generated from the catalogue by `npm run generate`; a test fails when it is stale.

export interface Database {
  'app.api_keys': {
    organization_id: string;
    id: string;
    contract: string;
    environment: string;
    name: string;
    key_hash: Buffer;
    key_prefix: string;
    scopes: string[];
    rate_per_minute: number | null;
    rate_burst: number | null;
    expires_at: Date | null;
    revoked_at: Date | null;
    last_used_at: Date | null;
    rotated_from: string | null;
    created_at: Date;
    updated_at: Date;
  };
  'app.deliveries': {
    organization_id: string;
    id: string;
    endpoint_id: string;
    event_id: string;
    state: string;
    attempts: number;
    series_attempts: number;
    series_started_at: Date | null;
    enqueue: boolean;
    created_at: Date;
    updated_at: Date;
  };
  'app.delivery_attempts': {
    organization_id: string;
    id: string;
    delivery_id: string;
    endpoint_id: string;
    event_type: string;
    attempt: number;
    status: string;
    response_status: number | null;
    latency_ms: number;
    response_body: string | null;
    error: string | null;
    attempted_at: Date;
    next_attempt_at: Date | null;
  };
  'app.event_types': {
    contract: string;
    type: string;
    action: string | null;
    sample: unknown;
    description: string;
  };
  'app.events': {
    organization_id: string;
    id: string;
    public_id: string;
    type: string;
    resource: string | null;
    snapshot: unknown;
    change_id: string;
    occurred_at: Date;
  };
  'app.grants': {
    organization_id: string;
    id: string;
    parent_organization_id: string;
    scopes: string[];
    expires_at: Date | null;
    revoked_at: Date | null;
    created_at: Date;
    updated_at: Date;
  };
  'app.idempotency_keys': {
    organization_id: string;
    key_id: string;
    idempotency_key: string;
    fingerprint: Buffer;
    status: number;
    answer: Buffer;
    created_at: Date;
    expires_at: Date;
  };
  'app.invitations': {
    organization_id: string;
    id: string;
    email: string;
    token_hash: Buffer;
    expires_at: Date;
    accepted_at: Date | null;
    accepted_key_id: string | null;
    created_at: Date;
    updated_at: Date;
  };
  'app.leads': {
    organization_id: string;
    id: string;
    name: string | null;
    company: string | null;
    email: string | null;
    phone: string | null;
    handle: string | null;
    job_title: string | null;
    source: string | null;
    source_url: string | null;
    target_type: string;
    context: unknown;
    job_id: string | null;
    pipeline_stage: string;
    lead_score: number;
    scored_at: Date | null;
    tags: string[];
    notes: string | null;
    industry: string | null;
    company_size: string | null;
    pain_points: string | null;
    timeline: string | null;
    budget_range: string | null;
    ai_reasoning: string | null;
    qualification_completed_at: Date | null;
    signals: string[];
    enrichment: unknown;
    enriched_at: Date | null;
    linkedin_url: string | null;
    twitter_url: string | null;
    facebook_url: string | null;
    handed_off_at: Date | null;
    handoff_destination: string | null;
    handoff_metadata: unknown | null;
    crm_vendor: string | null;
    crm_external_id: string | null;
    crm_status: string | null;
    crm_last_synced_at: Date | null;
    created_at: Date;
    updated_at: Date;
  };
  'app.organizations': {
    id: string;
    parent_organization_id: string | null;
    name: string;
    slug: string;
    industry: string | null;
    settings: unknown;
    created_at: Date;
    updated_at: Date;
  };
  'app.outbox': {
    organization_id: string;
    id: string;
    action: string;
    resource: string;
    snapshot: unknown;
    occurred_at: Date;
  };
  'app.scoring_rules': {
    organization_id: string;
    id: string;
    label: string;
    predicate: string;
    weight: string;
    enabled: boolean;
    created_at: Date;
    updated_at: Date;
  };
  'app.setting_definitions': {
    name: string;
    kind: string;
    description: string;
  };
  'app.webhook_endpoints': {
    organization_id: string;
    id: string;
    contract: string;
    url: string;
    events: string[];
    description: string | null;
    enabled: boolean;
    disabled_at: Date | null;
    disabled_reason: string | null;
    retry_schedule: string[] | null;
    deleted_at: Date | null;
    created_at: Date;
    updated_at: Date;
  };
  'app.webhook_health': {
    organization_id: string;
    endpoint_id: string;
    last_delivery_at: Date | null;
    last_delivery_status: number | null;
    failing_since: Date | null;
  };
  'app.webhook_secrets': {
    organization_id: string;
    id: string;
    endpoint_id: string;
    ciphertext: Buffer;
    prefix: string;
    expires_at: Date | null;
    created_at: Date;
    updated_at: Date;
  };
  'audit.platform_events': {
    organization_id: string;
    id: string;
    action: string;
    source: string;
    correlation_id: string;
    payload: unknown;
    created_at: Date;
  };
  'audit.seals': {
    hour: Date;
    entries: string;
    entries_hash: Buffer;
    seal: Buffer;
    sealed_at: Date;
  };
}
