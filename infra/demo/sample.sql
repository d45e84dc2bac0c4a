-- The sample database: a small shop. Every value is invented and the same each time: addresses are of
-- example.com, telephone numbers of the range kept for fiction, social security numbers of a range never
-- given out, and card numbers pass the Luhn check under prefixes that belong to test cards.
-- Run once as `app`, the owner, in an empty database.
begin;

create function pg_temp.test_card(stem text) returns text language sql immutable as $$
    -- The fifteen digits of `stem` and the digit that makes the Luhn sum right.
    select stem || (10 - sum(case when n % 2 = 1 then d * 2 - 9 * (d * 2 / 10) else d end) % 10) % 10
    from (select n, substr(stem, n, 1)::int as d from generate_series(1, 15) n) digits
$$;

create table customers (
    id integer primary key,
    name text not null,
    email text not null unique,
    phone text not null,
    card text not null,
    ssn text not null,
    created_at timestamptz not null
);

insert into customers
select
    n,
    first || ' ' || last,
    lower(first || '.' || last) || case when n > 20 then n::text else '' end || '@example.com',
    '+1 ' || 200 + n % 700 || ' 555 ' || lpad((100 + n % 100)::text, 4, '0'),
    case n
        when 1 then '4111111111111111'
        else pg_temp.test_card(
            (array['4012888', '5555555', '4111111'])[1 + n % 3] || lpad((n * 7919 % 100000000)::text, 8, '0')
        )
    end,
    '900-' || lpad((10 + n % 80)::text, 2, '0') || '-' || lpad((n * 137 % 10000)::text, 4, '0'),
    timestamptz '2025-01-06 09:00+00' + n * interval '31 hours 7 minutes'
from generate_series(1, 240) n,
    lateral (select
        (array['Jane', 'Omar', 'Mei', 'Lars', 'Priya', 'Tomas', 'Aisha', 'Nora', 'Diego', 'Yuki',
               'Elena', 'Samuel', 'Zoe', 'Ivan', 'Fatima', 'Peter', 'Hana', 'Louis', 'Greta', 'Amir'])[1 + (n - 1) % 20],
        (array['Doe', 'Haddad', 'Lin', 'Berg', 'Nair', 'Novak', 'Khan', 'Olsen', 'Ruiz', 'Sato', 'Rossi', 'Cole'])[1 + (n - 1) % 12]
    ) as names (first, last);

create table cards (
    id integer primary key,
    customer_id integer not null references customers,
    number text not null,
    holder text not null,
    expires date not null
);

insert into cards
select id, id, card, name, date '2027-01-31' + (id % 36) * 30 from customers;

create table orders (
    id integer primary key,
    customer_id integer not null references customers,
    status text not null check (status in ('new', 'paid', 'shipped', 'refunded')),
    total numeric(10, 2) not null,
    note text,
    placed_at timestamptz not null
);

insert into orders
select
    n,
    1 + n * 7 % 240,
    (array['new', 'paid', 'shipped', 'shipped', 'refunded'])[1 + n % 5],
    0,
    -- Free text holds what nobody expected: detectors find it.
    case n % 25
        when 7 then 'call +1 202 555 0' || 100 + n % 100 || ' before delivery'
        when 13 then 'card ' || pg_temp.test_card('4111111' || lpad(n::text, 8, '0')) || ' declined, paid by another'
        when 19 then 'send the invoice to accounts' || n || '@example.com'
    end,
    timestamptz '2026-01-05 08:30+00' + n * interval '5 hours 11 minutes'
from generate_series(1, 400) n;

create table order_items (
    order_id integer not null references orders on delete cascade,
    line integer not null,
    product text not null,
    quantity integer not null check (quantity > 0),
    price numeric(10, 2) not null,
    primary key (order_id, line)
);

insert into order_items
select
    o,
    l,
    (array['lamp', 'desk', 'chair', 'shelf', 'rug', 'clock', 'mirror', 'vase'])[1 + (o + 3 * l) % 8],
    1 + (o + l) % 3,
    ((o * 37 + l * 101) % 18000 + 990) / 100.0
from generate_series(1, 400) o, generate_series(1, 3) l
where l <= 1 + o % 3;

update orders
set total = (select sum(quantity * price) from order_items where order_id = orders.id);

create view customer_orders as
select c.id as customer_id, c.name, c.email, o.id as order_id, o.status, o.total, o.placed_at
from customers c
join orders o on o.customer_id = c.id;

commit;
analyze customers, cards, orders, order_items;
