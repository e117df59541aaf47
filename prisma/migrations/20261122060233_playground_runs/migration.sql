-- CreateTable
CREATE TABLE "playground_runs" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "session_id" TEXT COLLATE "C" NOT NULL,
    "status" TEXT COLLATE "C" NOT NULL,
    "request" JSON NOT NULL,
    "text" TEXT COLLATE "C",
    "output" JSON,
    "tool_calls" JSON,
    "input_tokens" INTEGER,
    "output_tokens" INTEGER,
    "total_tokens" INTEGER,
    "cached_input_tokens" INTEGER,
    "reasoning_tokens" INTEGER,
    "cost" DECIMAL,
    "duration_ms" DOUBLE PRECISION,
    "time_to_first_token_ms" DOUBLE PRECISION,
    "warnings" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "error" JSON,
    "trace_id" TEXT COLLATE "C",
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "beat_at" TIMESTAMPTZ(3),
    "cancel_asked_at" TIMESTAMPTZ(3),

    CONSTRAINT "playground_runs_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "playground_run_texts" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "run_id" TEXT COLLATE "C" NOT NULL,
    "offset" INTEGER NOT NULL,
    "text" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "playground_run_texts_pkey" PRIMARY KEY ("tenant_id","run_id","offset")
);

-- CreateTable
CREATE TABLE "providers" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "base_url" TEXT COLLATE "C",
    "sealed_key" BYTEA,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "providers_pkey" PRIMARY KEY ("tenant_id","name")
);

-- CreateIndex
CREATE INDEX "playground_runs_tenant_id_session_id_id_idx" ON "playground_runs"("tenant_id", "session_id", "id");

-- AddForeignKey
ALTER TABLE "playground_runs" ADD CONSTRAINT "playground_runs_tenant_id_session_id_fkey" FOREIGN KEY ("tenant_id", "session_id") REFERENCES "playground_sessions"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "playground_run_texts" ADD CONSTRAINT "playground_run_texts_tenant_id_run_id_fkey" FOREIGN KEY ("tenant_id", "run_id") REFERENCES "playground_runs"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What waits or is under way: few, however many runs there were.
CREATE INDEX playground_runs_open ON playground_runs (tenant_id, created_at) WHERE status IN ('QUEUED', 'RUNNING');
