-- How often they look in, lately and in the three months before, and at the page on which memberships are cancelled.
-- entity: customer  event time: at  owner: customer intelligence
SELECT
    v.customer_id,
    SUM(CASE WHEN v.at >= :ago_30 THEN 1 ELSE 0 END) AS visits_30d,
    SUM(CASE WHEN v.at < :ago_30 THEN 1 ELSE 0 END) / 3.0 AS visits_before,
    SUM(CASE WHEN v.at >= :ago_60 AND v.page = 'membership_cancel' THEN 1 ELSE 0 END) AS cancel_visits_60d
FROM shop_page_visits AS v
WHERE v.at >= :ago_120
    AND v.at < :observed_at
GROUP BY v.customer_id
