-- CreateTable
CREATE TABLE "prompts" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "description" TEXT COLLATE "C",
    "last_number" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "prompts_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "prompt_drafts" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "prompt_id" TEXT COLLATE "C" NOT NULL,
    "revision" INTEGER NOT NULL,
    "etag" TEXT COLLATE "C" NOT NULL,
    "content" JSON NOT NULL,
    "base_number" INTEGER,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "prompt_drafts_pkey" PRIMARY KEY ("tenant_id","prompt_id")
);

-- CreateTable
CREATE TABLE "prompt_versions" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "prompt_id" TEXT COLLATE "C" NOT NULL,
    "number" INTEGER NOT NULL,
    "etag" TEXT COLLATE "C" NOT NULL,
    "content" JSON NOT NULL,
    "note" TEXT COLLATE "C",
    "evidence" JSON,
    "key_id" TEXT COLLATE "C" NOT NULL,
    "key_name" TEXT COLLATE "C" NOT NULL,
    "published_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "prompt_versions_pkey" PRIMARY KEY ("tenant_id","prompt_id","number")
);

-- CreateTable
CREATE TABLE "prompt_labels" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "prompt_id" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "number" INTEGER NOT NULL,
    "moved_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "prompt_labels_pkey" PRIMARY KEY ("tenant_id","prompt_id","name")
);

-- CreateTable
CREATE TABLE "prompt_label_moves" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "prompt_id" TEXT COLLATE "C" NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "label" TEXT COLLATE "C" NOT NULL,
    "from_number" INTEGER,
    "to_number" INTEGER,
    "note" TEXT COLLATE "C",
    "evidence" JSON,
    "key_id" TEXT COLLATE "C" NOT NULL,
    "key_name" TEXT COLLATE "C" NOT NULL,
    "moved_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "prompt_label_moves_pkey" PRIMARY KEY ("tenant_id","prompt_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "prompts_tenant_id_name_key" ON "prompts"("tenant_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "prompt_versions_tenant_id_prompt_id_etag_key" ON "prompt_versions"("tenant_id", "prompt_id", "etag");

-- AddForeignKey
ALTER TABLE "prompt_drafts" ADD CONSTRAINT "prompt_drafts_tenant_id_prompt_id_fkey" FOREIGN KEY ("tenant_id", "prompt_id") REFERENCES "prompts"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "prompt_versions" ADD CONSTRAINT "prompt_versions_tenant_id_prompt_id_fkey" FOREIGN KEY ("tenant_id", "prompt_id") REFERENCES "prompts"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "prompt_labels" ADD CONSTRAINT "prompt_labels_tenant_id_prompt_id_fkey" FOREIGN KEY ("tenant_id", "prompt_id") REFERENCES "prompts"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "prompt_labels" ADD CONSTRAINT "prompt_labels_tenant_id_prompt_id_number_fkey" FOREIGN KEY ("tenant_id", "prompt_id", "number") REFERENCES "prompt_versions"("tenant_id", "prompt_id", "number") ON DELETE NO ACTION ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "prompt_label_moves" ADD CONSTRAINT "prompt_label_moves_tenant_id_prompt_id_fkey" FOREIGN KEY ("tenant_id", "prompt_id") REFERENCES "prompts"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
