/** @typedef {{ sku: string, name: string, category: string, priceCents: number, tags: string[] }} Product */

/** Words of a text, lower case and without accents, so that "cafe" finds "Café". */
export function words(text) {
  return (
    text
      .normalize('NFD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/**
 * Products that have every word of the query, best first, with the number of hits in each category.
 * The facets count what the query finds before the category narrows it: they show where else to look.
 */
export function search(products, { query = '', category, maxPriceCents, offset = 0, limit = 20 } = {}) {
  const wanted = words(query);
  const found = products
    .map((product) => ({ product, score: scoreOf(product, wanted) }))
    .filter(({ product, score }) => score > 0 && (maxPriceCents === undefined || product.priceCents <= maxPriceCents));
  const facets = {};
  for (const { product } of found) facets[product.category] = (facets[product.category] ?? 0) + 1;
  const hits = found
    .filter(({ product }) => category === undefined || product.category === category)
    .sort(
      (a, b) =>
        b.score - a.score ||
        a.product.name.localeCompare(b.product.name, 'en') ||
        (a.product.sku < b.product.sku ? -1 : 1),
    );
  return { total: hits.length, facets, items: hits.slice(offset, offset + limit).map(({ product }) => product) };
}

/** A whole word of the name counts 4, the beginning of one 2, a tag 1; a word that is nowhere excludes the product. */
function scoreOf(product, wanted) {
  if (wanted.length === 0) return 1;
  const name = words(product.name);
  const tags = product.tags.flatMap(words);
  let score = 0;
  for (const word of wanted) {
    if (name.includes(word)) score += 4;
    else if (name.some((one) => one.startsWith(word))) score += 2;
    else if (tags.includes(word)) score += 1;
    else return 0;
  }
  return score;
}
