// A module of one's own: imported by a relative path, with or without extension.

/** One thing of the catalogue, as GET /items lists it. */
export interface Item {
  id: number;
  name: string;
  price: number;
  stock: number;
}

/** The item with the lowest price. */
export function cheapest(items: Item[]): Item {
  return items.reduce((best, item) => (item.price < best.price ? item : best));
}
