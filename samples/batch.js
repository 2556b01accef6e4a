// Several requests at once, as a page loads its parts.
import http from "swarm/http";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 2,
  iterations: 10,
  batch: 10, // at most so many at once,
  batchPerHost: 4, // and so many to one host
  thresholds: { checks: ["rate==1"] },
};

export default function () {
  // An array gives an array: strings are GETs.
  const pages = http.batch([
    `${target}/items`,
    ["GET", `${target}/items/2`, null, { tags: { name: "/items/{id}" } }],
    { method: "POST", url: `${target}/echo`, body: "hello", params: { headers: { "X-Sample": "batch" } } },
  ]);
  check(pages, {
    "all answered": (all) => all.every((r) => r.status === 200),
    "in the order asked": (all) => all[1].json("id") === 2 && all[2].json("body") === "hello",
  });

  // An object gives an object.
  const named = http.batch({ list: `${target}/items`, health: `${target}/health` });
  check(named, { "by name": (all) => all.health.json("status") === "ok" && all.list.json().length === 20 });
}
