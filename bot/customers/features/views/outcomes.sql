-- The label, never a feature: what happened from the observation until the end of the horizon, as it is known today.
-- entity: customer
-- kinds: order_placed, membership_ended
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- orders_after (count): 观察期后的订单数 | orders from the observation until the horizon's end
-- memberships_ended (count): 观察期后结束的会员数 | memberships that ended until the horizon's end
SELECT
    l.customer_id,
    SUM(CASE WHEN l.kind = 'order_placed' THEN 1 ELSE 0 END) AS orders_after,
    SUM(CASE WHEN l.kind = 'membership_ended' THEN 1 ELSE 0 END) AS memberships_ended
FROM later AS l
GROUP BY l.customer_id
