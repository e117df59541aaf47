-- CreateTable
CREATE TABLE "agents" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "agents_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "traces" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "agent" TEXT COLLATE "C",
    "name" TEXT COLLATE "C",
    "prompt_name" TEXT COLLATE "C",
    "etag" TEXT,
    "error_message" TEXT,
    "model" TEXT COLLATE "C",
    "provider" TEXT COLLATE "C",
    "tags" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "conversation_id" TEXT COLLATE "C",
    "run_id" TEXT COLLATE "C",
    "user_id" TEXT COLLATE "C",
    "given_status" SMALLINT,
    "given_success" BOOLEAN,
    "given_outcome" TEXT COLLATE "C",
    "given_started_at" TIMESTAMPTZ(3),
    "given_ended_at" TIMESTAMPTZ(3),
    "given_duration_ms" DOUBLE PRECISION,
    "given_input_tokens" INTEGER,
    "given_output_tokens" INTEGER,
    "given_total_tokens" INTEGER,
    "given_cached_input_tokens" INTEGER,
    "given_reasoning_tokens" INTEGER,
    "given_cost" DECIMAL,
    "computed_cost" DECIMAL,
    "set_success" BOOLEAN,
    "set_outcome" TEXT COLLATE "C",
    "span_count" INTEGER NOT NULL DEFAULT 0,
    "error_count" INTEGER NOT NULL DEFAULT 0,
    "roots" INTEGER NOT NULL DEFAULT 0,
    "roots_running" INTEGER NOT NULL DEFAULT 0,
    "roots_failed" INTEGER NOT NULL DEFAULT 0,
    "roots_timed_out" INTEGER NOT NULL DEFAULT 0,
    "spans_started_at" TIMESTAMPTZ(3),
    "spans_ended_at" TIMESTAMPTZ(3),
    "spans_input_tokens" BIGINT,
    "spans_output_tokens" BIGINT,
    "spans_total_tokens" BIGINT,
    "spans_cached_input_tokens" BIGINT,
    "spans_reasoning_tokens" BIGINT,
    "spans_cost" DECIMAL NOT NULL DEFAULT 0,
    "spans_priced" INTEGER NOT NULL DEFAULT 0,
    "spans_computed" INTEGER NOT NULL DEFAULT 0,
    "spans_unpriced" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "traces_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "trace_contents" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "model_config" JSON,
    "metadata" JSON,
    "manifest" JSON,
    "variables" JSON,
    "messages" JSON,
    "output" JSON,
    "tools" JSON,
    "tool_choice" JSON,

    CONSTRAINT "trace_contents_pkey" PRIMARY KEY ("tenant_id","trace_id")
);

-- CreateTable
CREATE TABLE "spans" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "parent_id" TEXT COLLATE "C",
    "kind" SMALLINT,
    "name" TEXT COLLATE "C" NOT NULL,
    "given_status" SMALLINT,
    "error_message" TEXT,
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "duration_ms" DOUBLE PRECISION,
    "model" TEXT COLLATE "C",
    "provider" TEXT COLLATE "C",
    "input_tokens" INTEGER,
    "output_tokens" INTEGER,
    "total_tokens" INTEGER,
    "cached_input_tokens" INTEGER,
    "reasoning_tokens" INTEGER,
    "cost" DECIMAL,
    "computed_cost" DECIMAL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "spans_pkey" PRIMARY KEY ("tenant_id","trace_id","id")
);

-- CreateTable
CREATE TABLE "span_contents" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "span_id" TEXT COLLATE "C" NOT NULL,
    "input" JSON,
    "output" JSON,
    "attributes" JSON,

    CONSTRAINT "span_contents_pkey" PRIMARY KEY ("tenant_id","trace_id","span_id")
);

-- CreateTable
CREATE TABLE "search_entries" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "span_id" TEXT COLLATE "C" NOT NULL,
    "names" TEXT,
    "words" TEXT[],

    CONSTRAINT "search_entries_pkey" PRIMARY KEY ("tenant_id","trace_id","span_id")
);

-- CreateTable
CREATE TABLE "search_due" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "span_ids" TEXT[],

    CONSTRAINT "search_due_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "feed" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    "id" BIGSERIAL NOT NULL,
    "kind" SMALLINT NOT NULL,
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "span_ids" TEXT[],
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "feed_pkey" PRIMARY KEY ("tenant_id","xid","id")
);

-- CreateTable
CREATE TABLE "model_prices" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "provider" TEXT COLLATE "C" NOT NULL,
    "model" TEXT COLLATE "C" NOT NULL,
    "effective_from" TIMESTAMPTZ(3) NOT NULL,
    "input_per_million" DECIMAL NOT NULL,
    "output_per_million" DECIMAL NOT NULL,
    "cached_input_per_million" DECIMAL,

    CONSTRAINT "model_prices_pkey" PRIMARY KEY ("tenant_id","provider","model","effective_from")
);

-- CreateIndex
CREATE UNIQUE INDEX "agents_tenant_id_name_key" ON "agents"("tenant_id", "name");

-- Written by hand from here on: what schema.prisma can't say (test/database.test.ts lists it).
-- Text is compared by bytes (COLLATE "C") wherever an order of it is stored, shown or merged by.

CREATE EXTENSION IF NOT EXISTS btree_gin;

-- The merge of two values that are both known, whatever came first: see src/traces/merge.ts, which says the same.
CREATE FUNCTION fuller(a text, b text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN a IS NULL THEN b
    WHEN b IS NULL THEN a
    WHEN octet_length(a) <> octet_length(b) THEN CASE WHEN octet_length(a) > octet_length(b) THEN a ELSE b END
    ELSE greatest(a COLLATE "C", b COLLATE "C")
  END
$$;

CREATE FUNCTION merge_object(a json, b json) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a ELSE (
    SELECT coalesce(json_object_agg(key, fuller(x.value::text, y.value::text)::json ORDER BY key COLLATE "C"), '{}')
    FROM json_each(a) x FULL JOIN json_each(b) y USING (key)
  ) END
$$;

CREATE FUNCTION merge_tags(a text[], b text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN a @> b THEN a ELSE ARRAY(SELECT DISTINCT tag COLLATE "C" FROM unnest(a || b) tag ORDER BY 1) END
$$;

-- 0 RUNNING, 1 COMPLETED, 2 TIMED_OUT, 3 FAILED: the greater one wins.
CREATE FUNCTION span_status(given smallint, error_message text, ended_at timestamptz, duration_ms float8)
RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(given, CASE
    WHEN error_message IS NOT NULL THEN 3
    WHEN ended_at IS NOT NULL OR duration_ms IS NOT NULL THEN 1
    ELSE 0
  END)::smallint
$$;

-- A trace has ended when it is said so, or when all of its known roots have; then the worst of them says how.
CREATE FUNCTION trace_status(
  given smallint, error_message text, ended_at timestamptz, duration_ms float8,
  roots int, roots_running int, roots_failed int, roots_timed_out int)
RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(given, CASE
    WHEN error_message IS NULL AND ended_at IS NULL AND duration_ms IS NULL
      AND (roots = 0 OR roots_running > 0) THEN 0
    WHEN roots_failed > 0 THEN 3
    WHEN roots_timed_out > 0 THEN 2
    WHEN error_message IS NOT NULL THEN 3
    ELSE 1
  END)::smallint
$$;

-- Clocks disagree: an end before its start is no time at all.
CREATE FUNCTION ms_between(began timestamptz, ended timestamptz) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN ended < began THEN 0 ELSE 1000 * extract(epoch FROM ended - began)::float8 END
$$;

ALTER TABLE spans ADD COLUMN status smallint NOT NULL
  GENERATED ALWAYS AS (span_status(given_status, error_message, ended_at, duration_ms)) STORED;

-- What clients gave wins; what they didn't give is what the spans say.
ALTER TABLE traces
  ADD COLUMN status smallint NOT NULL GENERATED ALWAYS AS (
    trace_status(given_status, error_message, given_ended_at, given_duration_ms,
      roots, roots_running, roots_failed, roots_timed_out)) STORED,
  ADD COLUMN success boolean GENERATED ALWAYS AS (coalesce(set_success, given_success)) STORED,
  ADD COLUMN outcome text COLLATE "C" GENERATED ALWAYS AS (coalesce(set_outcome, given_outcome)) STORED,
  ADD COLUMN started_at timestamptz(3) NOT NULL GENERATED ALWAYS AS (
    coalesce(given_started_at, spans_started_at, given_ended_at, spans_ended_at, created_at)) STORED,
  ADD COLUMN ended_at timestamptz(3) GENERATED ALWAYS AS (
    coalesce(given_ended_at, CASE WHEN trace_status(given_status, error_message, given_ended_at, given_duration_ms,
      roots, roots_running, roots_failed, roots_timed_out) > 0 THEN spans_ended_at END)) STORED,
  ADD COLUMN duration_ms float8 GENERATED ALWAYS AS (
    coalesce(given_duration_ms, ms_between(coalesce(given_started_at, spans_started_at),
      coalesce(given_ended_at, CASE WHEN trace_status(given_status, error_message, given_ended_at, given_duration_ms,
        roots, roots_running, roots_failed, roots_timed_out) > 0 THEN spans_ended_at END)))) STORED,
  ADD COLUMN input_tokens bigint GENERATED ALWAYS AS (coalesce(given_input_tokens, spans_input_tokens)) STORED,
  ADD COLUMN output_tokens bigint GENERATED ALWAYS AS (coalesce(given_output_tokens, spans_output_tokens)) STORED,
  ADD COLUMN total_tokens bigint GENERATED ALWAYS AS (coalesce(given_total_tokens, CASE
      WHEN given_input_tokens IS NOT NULL OR given_output_tokens IS NOT NULL
      THEN coalesce(given_input_tokens, spans_input_tokens, 0) + coalesce(given_output_tokens, spans_output_tokens, 0)
      ELSE spans_total_tokens END)) STORED,
  ADD COLUMN cached_input_tokens bigint GENERATED ALWAYS AS (
    coalesce(given_cached_input_tokens, spans_cached_input_tokens)) STORED,
  ADD COLUMN reasoning_tokens bigint GENERATED ALWAYS AS (
    coalesce(given_reasoning_tokens, spans_reasoning_tokens)) STORED,
  -- A sum in which a part is unknown is unknown.
  ADD COLUMN cost numeric GENERATED ALWAYS AS (coalesce(given_cost, CASE
      WHEN spans_unpriced > 0 THEN NULL
      WHEN spans_priced > 0 THEN spans_cost
      ELSE computed_cost END)) STORED,
  -- 0 REPORTED, 1 COMPUTED, 2 UNPRICED
  ADD COLUMN cost_source smallint NOT NULL GENERATED ALWAYS AS (CASE
      WHEN given_cost IS NOT NULL THEN 0
      WHEN spans_unpriced > 0 THEN 2
      WHEN spans_priced > 0 THEN CASE WHEN spans_computed > 0 THEN 1 ELSE 0 END
      WHEN computed_cost IS NOT NULL THEN 1
      ELSE 2 END) STORED;

-- One for each order of the list, walked in either direction from a cursor; unknown values are a range of their own.
CREATE INDEX traces_by_start ON traces (tenant_id, started_at, id);
CREATE INDEX traces_by_duration ON traces (tenant_id, duration_ms, id);
CREATE INDEX traces_by_cost ON traces (tenant_id, cost, id);
CREATE INDEX traces_by_total_tokens ON traces (tenant_id, total_tokens, id);

-- For filters. Traces without the value aren't in them, and most completed: those the first index finds soon enough.
CREATE INDEX traces_by_agent ON traces (tenant_id, agent, started_at, id) WHERE agent IS NOT NULL;
CREATE INDEX traces_by_status ON traces (tenant_id, status, started_at, id) WHERE status <> 1;
CREATE INDEX traces_by_prompt ON traces (tenant_id, prompt_name, started_at, id) WHERE prompt_name IS NOT NULL;
CREATE INDEX traces_by_model ON traces (tenant_id, model, started_at, id) WHERE model IS NOT NULL;
CREATE INDEX traces_by_conversation ON traces (tenant_id, conversation_id, started_at, id)
  WHERE conversation_id IS NOT NULL;
CREATE INDEX traces_by_run ON traces (tenant_id, run_id, started_at, id) WHERE run_id IS NOT NULL;
CREATE INDEX traces_by_user ON traces (tenant_id, user_id, started_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX traces_by_outcome ON traces (tenant_id, outcome, started_at, id) WHERE outcome IS NOT NULL;
CREATE INDEX traces_by_etag ON traces (tenant_id, etag, started_at, id) WHERE etag IS NOT NULL;
CREATE INDEX traces_by_tags ON traces USING gin (tenant_id, tags) WHERE tags <> '{}';
CREATE INDEX trace_contents_by_metadata ON trace_contents USING gin (tenant_id, (metadata::jsonb) jsonb_path_ops)
  WHERE metadata IS NOT NULL;

-- Dated into the future, they would outlive every retention.
CREATE INDEX traces_dated_ahead ON traces (tenant_id, created_at) WHERE given_started_at > created_at;

CREATE INDEX search_entries_by_words ON search_entries USING gin (tenant_id, words);

-- Compressing a row of 2 to 8 KB costs more than writing it: 1.9 KB spans with their ids are just above the 2 KB.
ALTER TABLE span_contents SET (toast_tuple_target = 8160);
ALTER TABLE trace_contents SET (toast_tuple_target = 8160);

-- Where the server has it, lz4 compresses what is larger several times faster than pglz.
DO $$
DECLARE wide record;
BEGIN
  IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
    FOR wide IN
      SELECT attrelid::regclass AS tab, attname FROM pg_attribute
      WHERE attrelid IN ('span_contents'::regclass, 'trace_contents'::regclass) AND atttypid = 'json'::regtype
    LOOP
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION lz4', wide.tab, wide.attname);
    END LOOP;
  END IF;
END $$;
