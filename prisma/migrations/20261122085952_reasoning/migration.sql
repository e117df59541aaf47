-- CreateTable
CREATE TABLE "reasoning_traces" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "sequence" INTEGER NOT NULL,
    "decision_type" TEXT COLLATE "C" NOT NULL,
    "summary" TEXT COLLATE "C" NOT NULL,
    "output_ref" TEXT COLLATE "C",
    "observations" TEXT[] COLLATE "C",
    "hypothesis" TEXT COLLATE "C",
    "conclusion" TEXT COLLATE "C" NOT NULL,
    "confidence" DOUBLE PRECISION,
    "alternatives" JSON NOT NULL,
    "files_read" TEXT[] COLLATE "C",
    "key_facts" TEXT[] COLLATE "C",
    "agent" TEXT COLLATE "C",
    "session_id" TEXT COLLATE "C",
    "tags" TEXT[] COLLATE "C",
    "parent_id" TEXT COLLATE "C",
    "trace_id" TEXT COLLATE "C",
    "span_id" TEXT COLLATE "C",
    "size" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "words" tsvector NOT NULL,

    CONSTRAINT "reasoning_traces_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "reasoning_tags" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "tag" TEXT COLLATE "C" NOT NULL,
    "sequence" INTEGER NOT NULL,
    "reasoning_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "reasoning_tags_pkey" PRIMARY KEY ("tenant_id","tag","sequence")
);

-- CreateTable
CREATE TABLE "reasoning_due" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "reasoning_id" TEXT COLLATE "C" NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "taken_until" TIMESTAMPTZ(3),

    CONSTRAINT "reasoning_due_pkey" PRIMARY KEY ("tenant_id","reasoning_id")
);

-- CreateTable
CREATE TABLE "reasoning_vectors" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "model" TEXT COLLATE "C" NOT NULL,
    "reasoning_id" TEXT COLLATE "C" NOT NULL,
    "signature" bit(512) NOT NULL,
    "vector" BYTEA NOT NULL,

    CONSTRAINT "reasoning_vectors_pkey" PRIMARY KEY ("tenant_id","model","reasoning_id")
);

-- CreateTable
CREATE TABLE "ledger_entries" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "sequence" INTEGER NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL,
    "reasoning_id" TEXT COLLATE "C" NOT NULL,
    "content_hash" BYTEA NOT NULL,
    "previous_hash" BYTEA NOT NULL,
    "hash" BYTEA NOT NULL,
    "signature" BYTEA NOT NULL,
    "key_id" TEXT COLLATE "C" NOT NULL,
    "signed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ledger_entries_pkey" PRIMARY KEY ("tenant_id","sequence")
);

-- CreateTable
CREATE TABLE "ledger_heads" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "sequence" INTEGER NOT NULL,
    "hash" BYTEA NOT NULL,
    "signed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ledger_heads_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "ledger_keys" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "public_key" BYTEA NOT NULL,
    "sealed_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "retired_at" TIMESTAMPTZ(3),

    CONSTRAINT "ledger_keys_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "reasoning_traces_tenant_id_agent_sequence_idx" ON "reasoning_traces"("tenant_id", "agent", "sequence");

-- CreateIndex
CREATE INDEX "reasoning_traces_tenant_id_session_id_sequence_idx" ON "reasoning_traces"("tenant_id", "session_id", "sequence");

-- CreateIndex
CREATE INDEX "reasoning_traces_tenant_id_trace_id_sequence_idx" ON "reasoning_traces"("tenant_id", "trace_id", "sequence");

-- CreateIndex
CREATE INDEX "reasoning_traces_tenant_id_parent_id_sequence_idx" ON "reasoning_traces"("tenant_id", "parent_id", "sequence");

-- CreateIndex
CREATE INDEX "reasoning_traces_tenant_id_created_at_idx" ON "reasoning_traces"("tenant_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "reasoning_traces_tenant_id_sequence_key" ON "reasoning_traces"("tenant_id", "sequence");

-- CreateIndex
CREATE INDEX "reasoning_tags_tenant_id_reasoning_id_idx" ON "reasoning_tags"("tenant_id", "reasoning_id");

-- CreateIndex
CREATE INDEX "reasoning_vectors_tenant_id_reasoning_id_idx" ON "reasoning_vectors"("tenant_id", "reasoning_id");

-- CreateIndex
CREATE UNIQUE INDEX "ledger_entries_tenant_id_reasoning_id_kind_key" ON "ledger_entries"("tenant_id", "reasoning_id", "kind");

-- What a search by words looks in.
CREATE INDEX reasoning_traces_by_words ON reasoning_traces USING gin (tenant_id, words);

-- What a search by meaning looks through: the signatures alone, and no row.
CREATE INDEX reasoning_vectors_by_signature ON reasoning_vectors (tenant_id, model) INCLUDE (reasoning_id, signature);

-- Vectors can't be compressed, and are read by the hundred: in the row, up to a page, and not aside with the keys.
ALTER TABLE reasoning_vectors ALTER COLUMN vector SET STORAGE EXTERNAL;

-- Signatures are read from the index alone where rows are known to be there for all: that is found out sooner than by default.
ALTER TABLE reasoning_vectors SET (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.02);
