-- The database of most tests: people with things to hide, what they ordered, and relations of every kind.
-- Run as superuser in an empty database; everything belongs to `app`. All values are invented, the same each
-- time; every card number is a well-known test number or passes the Luhn check, every address is example.com's.
set session authorization app;

create table customers (
    id integer primary key,
    name text not null,
    email text unique,
    phone text,
    card text,
    ssn text,
    birthday date,
    profile jsonb,
    tags text[] not null default '{}',
    created_at timestamptz not null default '2026-01-01 00:00:00+00'
);
insert into customers (id, name, email, phone, card, ssn, birthday, profile, tags) values
    (1, 'Jane Doe', 'jane@example.com', '+1 202 555 0101', '4111111111111111', '219-09-9991', '1980-05-17',
        '{"city": "Oslo", "email": "jane@example.com"}', '{vip}'),
    (2, 'John Roe', 'john@example.com', '+1 202 555 0102', '5555555555554444', '219-09-9992', '1975-11-02',
        '{"city": "Bergen"}', '{}'),
    (3, 'Max Mustermann', 'max@example.com', '+49 30 1234567', '378282246310005', '219-09-9993', '1990-01-30',
        null, '{new,vip}'),
    (4, 'Erika Musterfrau', null, null, null, null, null, null, '{}');
insert into customers (id, name, email, phone, card, ssn, birthday)
    select n, 'Customer ' || n, 'customer' || n || '@example.com', '+1 202 555 ' || lpad(n::text, 4, '0'),
        '4012888888881881', '219-09-' || lpad(n::text, 4, '0'), date '1970-01-01' + n
    from generate_series(5, 200) n;

create type order_status as enum ('new', 'paid', 'shipped', 'returned');
create table orders (
    id integer primary key,
    customer_id integer not null references customers,
    status order_status not null default 'new',
    note text,
    placed_at timestamptz not null default '2026-01-02 00:00:00+00'
);
insert into orders (id, customer_id, status, note)
    select n, 1 + n % 200, (enum_range(null::order_status))[1 + n % 4],
        case when n % 7 = 0 then 'call ' || n end
    from generate_series(1, 500) n;

create table order_items (
    order_id integer not null references orders on delete cascade,
    line integer not null,
    product text not null,
    quantity integer not null check (quantity > 0),
    price numeric(10, 2) not null,
    primary key (order_id, line)
);
insert into order_items
    select o, l, 'product ' || (o * l) % 40, 1 + (o + l) % 5, ((o * 37 + l * 11) % 9000) / 100.0
    from generate_series(1, 500) o, generate_series(1, 2) l;

create sequence invoice_number;

-- Relations that read the sensitive columns by another name.
create view contacts as select id, name, email as address, phone from customers;
create view contact_names as select id, upper(name) as name from contacts;
create view card_holders as select c.id, c.name, 'card ' || c.card as payment from customers c where c.card is not null;
create materialized view customer_orders as
    select c.id, c.email, count(o.id) as orders from customers c left join orders o on o.customer_id = c.id group by c.id;

create table payments (id integer not null, customer_id integer, card text, paid_at date not null)
    partition by range (paid_at);
create table payments_2025 partition of payments for values from ('2025-01-01') to ('2026-01-01');
create table payments_2026 partition of payments for values from ('2026-01-01') to ('2027-01-01');
insert into payments select n, n, '4111111111111111', date '2025-06-01' + n * 7 from generate_series(1, 50) n;

create table people (name text, ssn text);
create table staff (badge integer) inherits (people);
insert into people values ('Ann', '219-09-0001');
insert into staff values ('Bob', '219-09-0002', 7);

create function email_of(customer integer) returns text language sql stable
    as $$ select email from customers where id = customer $$;
create function forget(customer integer) returns void language plpgsql
    as $$ begin update customers set email = null where id = customer; end $$;
create procedure ship(number integer) language sql as $$ update orders set status = 'shipped' where id = number $$;

create function note_change() returns trigger language plpgsql
    as $$ begin raise notice 'order % of customer % changed', new.id, new.customer_id; return new; end $$;
create trigger note_change after update on orders for each row execute function note_change();

create schema vault;
create table vault.secrets (id integer primary key, value text);
insert into vault.secrets values (1, 'open sesame');
comment on column customers.card is 'PAN';

reset session authorization;
analyze;
