import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Makes sql/18_postal_codes_us.sql from GeoNames' export of the country: node src/database/generate-postal-codes.ts US.txt

const FILE = join(import.meta.dirname, '../../sql/18_postal_codes_us.sql');

/**
 * Rows of app.postal_codes from the lines of a GeoNames export (tab-separated: country, code, place, state, its code, …, latitude,
 * longitude). Codes without a state are field post, which is nowhere.
 */
function generatePostalCodes(text: string): string {
  const states = new Map<string, Map<string, string[]>>();
  for (const line of text.split('\n')) {
    const [, code, city = '', stateName, state, , , , , latitude, longitude] = line.split('\t');
    if (!code || !state || !stateName) continue;
    const cities = states.get(`${state};${stateName}`) ?? new Map<string, string[]>();
    states.set(`${state};${stateName}`, cities);
    // hundredths of a degree: a kilometre, and a postal code is larger
    const place = `${code},${Math.round(Number(latitude) * 100)},${Math.round(Number(longitude) * 100)}`;
    cities.set(city, [...(cities.get(city) ?? []), place]);
  }
  const blocks = [...states].sort().map(([state, cities]) => {
    const lines = [...cities].sort().map(([city, places]) => `${city};${places.sort().join(';')}`);
    return `${state}\n${lines.join('\n')}`;
  });
  return `-- Made from GeoNames' postal codes of the United States (https://www.geonames.org, CC BY 4.0): not edited by hand. For each state, a line for
-- each place: its name, and each code with the hundredths of degrees of its latitude and longitude.

select private.load_postal_codes('US', $codes$${blocks.join('\n\n')}$codes$);
`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(FILE, generatePostalCodes(readFileSync(process.argv[2] as string, 'utf8')));
}
