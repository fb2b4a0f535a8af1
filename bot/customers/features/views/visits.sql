-- How often they look in, lately and in the three months before, and at the page on which memberships are cancelled.
-- entity: customer
-- kinds: visit
-- event time: at
-- created time: created_at
-- ttl: 120 days
-- owner: customer intelligence
-- visits_30d (count): 近 30 天的来访次数 | visits of the last 30 days
-- visits_before (number): 此前 90 天平均每 30 天的来访次数 | visits a month in the 90 days before that
-- cancel_visits_60d (count): 近 60 天查看取消会员页面的次数 | visits to the cancellation page in the last 60 days
SELECT
    e.customer_id,
    SUM(CASE WHEN e.at >= :ago_30 THEN 1 ELSE 0 END) AS visits_30d,
    SUM(CASE WHEN e.at < :ago_30 THEN 1 ELSE 0 END) / 3.0 AS visits_before,
    SUM(CASE WHEN e.at >= :ago_60 AND e.ref = 'membership_cancel' THEN 1 ELSE 0 END) AS cancel_visits_60d
FROM events AS e
GROUP BY e.customer_id
