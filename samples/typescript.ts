// TypeScript needs no build step: types are dropped when the script is bundled.
import http from "swarm/http";
import { check } from "swarm";
import { cheapest, type Item } from "./modules/catalogue";

const target: string = __ENV.TARGET ?? "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    shop: { executor: "per-vu-iterations", vus: 2, iterations: 5 },
  },
  thresholds: { checks: ["rate==1"] },
};

export default function (): void {
  const items = http.get(`${target}/items`).json() as Item[];
  const item = cheapest(items);
  const page = http.get(`${target}/items/${item.id}`, { tags: { name: "/items/{id}" } });
  check(page, {
    "the cheapest is in stock": (r) => (r.json() as unknown as Item).stock > 0,
  });
}
