export interface SqlQuestion {
  language: string
  question: string
  tables: readonly string[]
  sql: string
  /** What a hasty first try gets from the database. */
  slip: { sql: string; error: string }
  rows: readonly Record<string, string | number>[]
  answer: string
}

const orders =
  'orders(id bigint, customer_id bigint, placed_at timestamptz, country char(2), total_cents int, state text)'
const lines = 'order_lines(order_id bigint, product_id bigint, quantity int, price_cents int)'
const products = 'products(id bigint, title text, category text, cost_cents int)'
const returns = 'returns(id bigint, order_id bigint, arrived_at timestamptz, reason text)'

export const sqlQuestions: readonly SqlQuestion[] = [
  {
    language: 'en',
    question: 'Which five products were returned most last month, and why?',
    tables: [products, lines, returns],
    sql: "select p.title, count(*) as returns, mode() within group (order by r.reason) as main_reason\nfrom returns r join order_lines l using (order_id) join products p on p.id = l.product_id\nwhere r.arrived_at >= date_trunc('month', now()) - interval '1 month' and r.arrived_at < date_trunc('month', now())\ngroup by p.title order by returns desc limit 5",
    slip: {
      sql: 'select p.title, count(*), r.reason from returns r join order_lines l using (order_id) join products p on p.id = l.product_id group by p.title',
      error: 'ERROR 42803: column "r.reason" must appear in the GROUP BY clause or be used in an aggregate function',
    },
    rows: [
      { title: 'Skarv shell jacket', returns: 61, main_reason: 'size' },
      { title: 'Polaris stove', returns: 34, main_reason: 'weak flame' },
      { title: 'Fjord 2 tent', returns: 22, main_reason: 'pole' },
    ],
    answer:
      'The Skarv shell jacket leads with 61 returns, most of them for its size; the Polaris stove follows with 34 (weak flame), then the Fjord 2 tent with 22 (pole). Jackets alone are 41 % of all returns.',
  },
  {
    language: 'de',
    question: 'Wie hat sich der durchschnittliche Warenkorb in AT und CH seit Jahresbeginn entwickelt?',
    tables: [orders],
    sql: "select date_trunc('month', placed_at) as month, country, round(avg(total_cents) / 100.0, 2) as average_eur\nfrom orders where country in ('AT', 'CH') and placed_at >= date_trunc('year', now()) and state <> 'cancelled'\ngroup by 1, 2 order by 1, 2",
    slip: {
      sql: "select month(placed_at), country, avg(total) from orders where country in ('AT','CH') group by 1, 2",
      error: 'ERROR 42883: function month(timestamp with time zone) does not exist',
    },
    rows: [
      { month: '2026-01', country: 'AT', average_eur: 84.1 },
      { month: '2026-01', country: 'CH', average_eur: 121.7 },
      { month: '2026-02', country: 'AT', average_eur: 88.9 },
    ],
    answer:
      'In Österreich ist der durchschnittliche Warenkorb von 84,10 € auf 88,90 € gestiegen, in der Schweiz liegt er mit 121,70 € rund 40 % höher und schwankt kaum.',
  },
  {
    language: 'en',
    question: 'How many customers who bought a tent in spring came back within 90 days?',
    tables: [orders, lines, products],
    sql: "with tents as (select distinct o.customer_id, min(o.placed_at) as first from orders o join order_lines l on l.order_id = o.id join products p on p.id = l.product_id where p.category = 'tents' and extract(month from o.placed_at) between 3 and 5 group by 1)\nselect count(*) filter (where exists (select from orders o where o.customer_id = t.customer_id and o.placed_at > t.first and o.placed_at < t.first + interval '90 days')) as returned, count(*) as all from tents t",
    slip: {
      sql: "select count(*) from orders where category = 'tents'",
      error: 'ERROR 42703: column "category" does not exist',
    },
    rows: [{ returned: 418, all: 1_903 }],
    answer: '418 of 1,903, about 22 %. Most of them bought a mat or a sleeping bag.',
  },
  {
    language: 'pt',
    question: 'Qual é a margem por categoria no último trimestre?',
    tables: [orders, lines, products],
    sql: "select p.category, round(100.0 * sum(l.quantity * (l.price_cents - p.cost_cents)) / sum(l.quantity * l.price_cents), 1) as margin\nfrom order_lines l join orders o on o.id = l.order_id join products p on p.id = l.product_id\nwhere o.placed_at >= date_trunc('quarter', now()) - interval '3 months' and o.placed_at < date_trunc('quarter', now())\ngroup by 1 order by 2 desc",
    slip: {
      sql: 'select category, sum(price - cost) / sum(price) from order_lines group by category',
      error: 'ERROR 42703: column "category" does not exist',
    },
    rows: [
      { category: 'clothing', margin: 52.4 },
      { category: 'stoves', margin: 38.0 },
      { category: 'tents', margin: 31.2 },
    ],
    answer: 'Vestuário tem a maior margem (52,4 %), seguido de fogareiros (38,0 %) e tendas (31,2 %).',
  },
]
