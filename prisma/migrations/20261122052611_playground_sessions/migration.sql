-- AlterTable
ALTER TABLE "prompt_drafts" ADD COLUMN     "evidence" JSON;

-- CreateTable
CREATE TABLE "playground_sessions" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "trace_id" TEXT COLLATE "C",
    "span_id" TEXT COLLATE "C",
    "prompt_id" TEXT COLLATE "C",
    "origin" TEXT COLLATE "C" NOT NULL,
    "draft_revision" INTEGER,
    "base" JSON NOT NULL,
    "content" JSON NOT NULL,
    "variables" JSON NOT NULL,
    "recorded_ids" TEXT[],
    "revision" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "playground_sessions_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "playground_sessions_tenant_id_trace_id_id_idx" ON "playground_sessions"("tenant_id", "trace_id", "id");

-- CreateIndex
CREATE INDEX "playground_sessions_tenant_id_prompt_id_id_idx" ON "playground_sessions"("tenant_id", "prompt_id", "id");
