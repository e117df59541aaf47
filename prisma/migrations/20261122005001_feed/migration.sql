-- What was written before anybody could read it is in the order of its transactions.
ALTER TABLE "feed" DROP CONSTRAINT "feed_pkey",
ADD COLUMN     "before" JSON,
ADD COLUMN     "place" xid8;

UPDATE "feed" SET "place" = "xid";

ALTER TABLE "feed" ALTER COLUMN "place" SET NOT NULL,
ALTER COLUMN "place" SET DEFAULT GREATEST(pg_current_xact_id(), ((pg_snapshot_xmax(pg_current_snapshot()))::text::numeric - 1)::text::xid8),
ADD CONSTRAINT "feed_pkey" PRIMARY KEY ("tenant_id", "place", "id");

-- CreateTable
CREATE TABLE "feed_floors" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "place" xid8 NOT NULL,
    "id" BIGINT NOT NULL,

    CONSTRAINT "feed_floors_pkey" PRIMARY KEY ("tenant_id")
);

-- What pg_current_snapshot() says within a statement is of when the statement began.
CREATE FUNCTION "snapshot_of_now"() RETURNS pg_snapshot LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN pg_current_snapshot(); END $$;
