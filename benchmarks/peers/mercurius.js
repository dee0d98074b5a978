// Mercurius with graphql-jit: a hand-written schema and batched loaders on node-postgres.
import { randomUUID } from "node:crypto";
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.DATABASE_POOL_SIZE ?? 12),
});

const CUSTOMER = `id, account_number AS "accountNumber", external_reference AS "externalReference",
  name, company_number AS "companyNumber", created_at AS "createdAt",
  last_modified_at AS "lastModifiedAt", version, customer_class_id AS "classId"`;
const CLASS = "id, name, code";
const LIVE = "erased_at IS NULL";

// A named statement is parsed and planned once per connection.
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
  type CustomerClass { id: ID! name: String! code: String customers(first: Int = 50): CustomerConnection! }
  type ClassChange { id: ID! reason: String! changedBy: String! changedAt: String! }
  type Customer {
    id: ID! accountNumber: String! externalReference: String name: String! companyNumber: String
    createdAt: String! lastModifiedAt: String! version: Int!
    customerClass: CustomerClass! classHistory: [ClassChange!]!
  }
  type CustomerConnection { nodes: [Customer!]! totalCount: Int! }
  type CustomerClassConnection { nodes: [CustomerClass!]! }
  type UserError { code: String! }
  type SaveCustomerPayload { customer: Customer userErrors: [UserError!]! }
  enum CustomerSort { NAME_ASC }
  input CustomerFilter { classIds: [ID!] }
  input SaveCustomerInput { name: String! classId: ID! companyNumber: String }
  type Query {
    customer(id: ID!): Customer
    customers(first: Int = 50, filter: CustomerFilter, sort: CustomerSort): CustomerConnection!
    customerClasses(first: Int = 50): CustomerClassConnection!
  }
  type Mutation { saveCustomer(input: SaveCustomerInput!): SaveCustomerPayload! }
`;

const iso = (name) => (row) => row[name].toISOString();

const resolvers = {
  Query: {
    customer: async (_, { id }) =>
      (await rows("one", `SELECT ${CUSTOMER} FROM customer WHERE id = $1 AND ${LIVE}`, [id]))[0],
    customers: async (_, { first, filter }) => {
      const ids = filter?.classIds;
      const [where, values] = ids
        ? ["customer_class_id = ANY ($1)", [ids]]
        : ["true", []];
      const nodes = await rows(
        ids ? `page-of-classes-${first}` : `page-${first}`,
        `SELECT ${CUSTOMER} FROM customer WHERE ${where} AND ${LIVE}
         ORDER BY name_key, id LIMIT ${Number(first)}`,
        values,
      );
      return { nodes, ids };
    },
    customerClasses: async (_, { first }) => ({
      nodes: await rows(
        `classes-${first}`,
        `SELECT ${CLASS} FROM customer_class WHERE retired_at IS NULL
         ORDER BY display_position, name_key, id LIMIT ${Number(first)}`,
      ),
    }),
  },
  Mutation: {
    saveCustomer: async (_, { input }) => {
      const key = randomUUID().replaceAll("-", "").slice(0, 20);
      const [customer] = await rows(
        "insert",
        `INSERT INTO customer (id, account_number, account_number_key, name, name_key, search_key,
           company_number,
           customer_class_id, profile, enrichment_status, created_at, last_modified_at, version)
         VALUES ($1, $2, $2, $3::text, lower($3::text), lower($3::text), $4, $5, '{}', 'PENDING',
           now(), now(), 1)
         RETURNING ${CUSTOMER}`,
        [`cus_01zz${key}`, `zz-${key}`, input.name, input.companyNumber, input.classId],
      );
      return { customer, userErrors: [] };
    },
  },
  CustomerConnection: {
    totalCount: async ({ ids }) =>
      Number(
        (
          await rows(
            "count",
            `SELECT count(*) FROM customer
             WHERE ($1::text[] IS NULL OR customer_class_id = ANY ($1)) AND ${LIVE}`,
            [ids ?? null],
          )
        )[0].count,
      ),
  },
  Customer: { createdAt: iso("createdAt"), lastModifiedAt: iso("lastModifiedAt") },
  ClassChange: { changedAt: iso("changedAt") },
};

const loaders = {
  Customer: {
    customerClass: async (queries) => {
      const found = await rows("class", `SELECT ${CLASS} FROM customer_class WHERE id = ANY ($1)`, [
        [...new Set(queries.map(({ obj }) => obj.classId))],
      ]);
      const byId = new Map(found.map((row) => [row.id, row]));
      return queries.map(({ obj }) => byId.get(obj.classId));
    },
    classHistory: async (queries) => {
      const found = await rows(
        "history",
        `SELECT customer_id, id, reason, changed_by AS "changedBy", changed_at AS "changedAt"
         FROM class_change WHERE customer_id = ANY ($1) ORDER BY changed_at, id`,
        [queries.map(({ obj }) => obj.id)],
      );
      const byCustomer = new Map(queries.map(({ obj }) => [obj.id, []]));
      for (const row of found) byCustomer.get(row.customer_id).push(row);
      return queries.map(({ obj }) => byCustomer.get(obj.id));
    },
  },
  CustomerClass: {
    customers: async (queries) => {
      const found = await rows(
        "first-of-classes",
        `SELECT found.* FROM unnest($1::text[]) AS class(id) CROSS JOIN LATERAL (
           SELECT ${CUSTOMER} FROM customer WHERE customer_class_id = class.id AND ${LIVE}
           ORDER BY name_key, customer.id LIMIT $2) AS found`,
        [queries.map(({ obj }) => obj.id), queries[0].params.first],
      );
      const byClass = new Map(queries.map(({ obj }) => [obj.id, []]));
      for (const row of found) byClass.get(row.classId).push(row);
      return queries.map(({ obj }) => ({ nodes: byClass.get(obj.id), ids: [obj.id] }));
    },
  },
};

const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false });
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
