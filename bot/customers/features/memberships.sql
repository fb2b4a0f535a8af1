-- Memberships that were active then. `status` is of today, so the times decide; an expired one ended when it would have been renewed.
-- entity: customer  event time: started_at, cancelled_at, renews_at  owner: customer intelligence
SELECT
    customer_id,
    tier
FROM shop_memberships
WHERE started_at < :observed_at
    AND (cancelled_at IS NULL OR cancelled_at >= :observed_at)
    AND (status <> 'expired' OR renews_at >= :observed_at)
