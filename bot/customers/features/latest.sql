-- Up to when the shop's data reaches: the last thing that a customer did.
SELECT MAX(t.at) AS latest_at
FROM (
    SELECT MAX(placed_at) AS at FROM shop_orders WHERE placed_at <= :observed_at
    UNION ALL
    SELECT MAX(v.at) AS at FROM shop_page_visits AS v WHERE v.at <= :observed_at
    UNION ALL
    SELECT MAX(c.at) AS at FROM shop_contacts AS c WHERE c.at <= :observed_at
) AS t
