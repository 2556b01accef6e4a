// Measure what matters to you, with tags and thresholds like any other metric.
import http from "swarm/http";
import { Counter, Gauge, Rate, Trend } from "swarm/metrics";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

const revenue = new Counter("revenue"); // adds up
const cheapest = new Gauge("cheapest"); // keeps the latest value, the smallest and the largest
const affordable = new Rate("affordable"); // share of values that are not zero or false
const waiting = new Trend("time_to_price", true); // distribution; true: the values are milliseconds

export const options = {
  vus: 2,
  iterations: 20,
  thresholds: {
    revenue: ["count>0"],
    "revenue{aisle:even}": ["count>0"],
    cheapest: ["value<=10"],
    affordable: ["rate>0.5"],
    time_to_price: ["p(95)<500", "med<500"],
  },
};

export default function () {
  const id = 1 + (__ITER % 20);
  const r = http.get(`${target}/items/${id}`, { tags: { name: "/items/{id}" } });
  const price = r.json("price");

  revenue.add(price, { aisle: id % 2 ? "odd" : "even" });
  cheapest.add(price);
  affordable.add(price < 9);
  waiting.add(r.timings.waiting);
}
