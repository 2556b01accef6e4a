// Groups and tags divide the numbers: thresholds and results can name a part.
import http from "swarm/http";
import { check, group } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 2,
  iterations: 20,
  tags: { release: "1.4" }, // on every sample of the run
  thresholds: {
    "http_req_duration{group:::shop::catalogue}": ["p(95)<500"],
    "http_reqs{kind:item}": ["count==20"],
    "checks{group:::shop}": ["rate==1"],
  },
};

export default function () {
  const shop = group("shop", () => {
    group("catalogue", () => {
      http.get(`${target}/items`);
    });
    // The tag `name` gathers URLs that differ only in a number into one row.
    const r = http.get(`${target}/items/${1 + (__ITER % 20)}`, {
      tags: { name: "/items/{id}", kind: "item" },
    });
    check(r, { "item found": (r) => r.status === 200 }, { kind: "item" });
    return r.status;
  });
  check(shop, { "a group returns what its function returns": (status) => status === 200 });
}
