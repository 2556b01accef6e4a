// setup() runs once before the load, teardown() once after it. What setup
// returns goes to every iteration and to teardown.
import http from "swarm/http";
import { check, fail } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";
const json = { "Content-Type": "application/json" };

export const options = {
  vus: 3,
  iterations: 15,
  setupTimeout: "10s",
  thresholds: { checks: ["rate==1"] },
};

export function setup() {
  const login = http.post(`${target}/login`, JSON.stringify({ user: "ada", password: "demo" }), { headers: json });
  if (login.status !== 200) {
    fail(`cannot log in: status ${login.status}`); // no load is sent, swarm exits with 107
  }
  return { token: login.json("token") };
}

export default function (data) {
  const params = { headers: { ...json, Authorization: `Bearer ${data.token}` } };
  const order = http.post(`${target}/orders`, JSON.stringify({ item: 3, quantity: 2 }), params);
  check(order, {
    "order accepted": (r) => r.status === 201,
    "it is ours": (r) => r.json("user") === "ada",
  });
}

export function teardown(data) {
  const orders = http.get(`${target}/orders`, { headers: { Authorization: `Bearer ${data.token}` } });
  check(orders, { "all orders are there": (r) => r.json().length === 15 });
}
