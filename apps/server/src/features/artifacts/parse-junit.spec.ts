import { describe, expect, it } from 'vitest';
import { parseJunit } from './parse-junit.ts';

const casesOf = (xml: string) => {
  const parsed = parseJunit(xml);
  if (parsed.kind === 'refused') throw new Error(parsed.message);
  return parsed.cases;
};

describe('parse JUnit', () => {
  it('reads what the common tools write', () => {
    const xml = `<?xml version="1.0"?><testsuites>
      <testsuite name="outer"><testcase classname="c" name="passes" time="1,234.5"/>
        <testsuite name="inner"><testcase name="skips"><skipped message="later"/></testcase></testsuite>
      </testsuite>
      <testsuite name="second">
        <testcase name="a &lt; b &#128512;"><failure message="expected 1"><![CDATA[expected 1\n  at <b.ts>:1]]></failure></testcase>
        <testcase name="breaks" time="-1"><error>boom</error></testcase>
        <testcase><system-out>x</system-out></testcase>
      </testsuite></testsuites>`;
    expect(casesOf(xml)).toEqual([
      { suite: 'outer', name: 'passes', status: 'passed', seconds: 1234.5, message: null },
      { suite: 'inner', name: 'skips', status: 'skipped', seconds: 0, message: 'later' },
      { suite: 'second', name: 'a < b 😀', status: 'failed', seconds: 0, message: 'expected 1\n  at <b.ts>:1' },
      { suite: 'second', name: 'breaks', status: 'failed', seconds: 0, message: 'boom' },
      { suite: 'second', name: '(no name)', status: 'passed', seconds: 0, message: null },
    ]);
  });

  it("reads cases outside any suite, as Node's own reporter writes them", () => {
    const xml = '<testsuites><testcase name="top" time="0.1" classname="test"/></testsuites>';
    expect(casesOf(xml)).toEqual([{ suite: 'test', name: 'top', status: 'passed', seconds: 0.1, message: null }]);
  });

  it('reads a lone testsuite, and an empty one', () => {
    expect(casesOf('<testsuite name="s"><testcase name="a"/></testsuite>')).toHaveLength(1);
    expect(casesOf('<testsuites/>')).toEqual([]);
  });

  it('cannot be made to expand entities or to read files (billion laughs, XXE)', () => {
    const lol = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>';
    const file = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite name="&f;"/>';
    for (const xml of [lol, file])
      expect(parseJunit(xml)).toMatchObject({ kind: 'refused', message: expect.stringContaining('entities') });
  });

  it('does not pollute prototypes', () => {
    parseJunit(
      '<testsuite name="s"><testcase name="a" __proto__="x"/><__proto__><polluted>1</polluted></__proto__></testsuite>',
    );
    parseJunit(
      '<testsuite name="s"><constructor><prototype><polluted>1</polluted></prototype></constructor></testsuite>',
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['text', 'hello'],
    ['nothing', ''],
    ['another document', '<html></html>'],
    ['broken XML', '<testsuite><testcase></testsuite>'],
    ['elements nested 40,000 deep', '<a>'.repeat(40_000) + '</a>'.repeat(40_000)],
    ['60,000 cases', `<testsuite>${'<testcase name="a"/>'.repeat(60_000)}</testsuite>`],
  ])('refuses %s with one sentence', (_, xml) => {
    const parsed = parseJunit(xml);
    expect(parsed).toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/^The file is no JUnit XML report: .*\.$/s),
    });
  });

  it('shortens what is endless and stores no NUL', () => {
    const [testCase] = casesOf(
      `<testsuite><testcase name="${'n'.repeat(9_000)}&#0;"><failure>${'m'.repeat(90_000)}</failure></testcase></testsuite>`,
    );
    expect(testCase!.name).toHaveLength(500);
    expect(testCase!.message).toHaveLength(8_000);
  });

  it.each([
    ['tags that never end', '<'.repeat(3_900_000)],
    ['comments that never end', '<!--'.repeat(900_000)],
    ['CDATA that never ends', '<![CDATA['.repeat(400_000)],
    ['an attribute that never ends', `<testsuite a="${'>'.repeat(3_900_000)}`],
  ])('gets to the end of the largest file with %s', (_, xml) => {
    expect(parseJunit(xml).kind).toBe('refused');
  });

  it('counts depth past a tag whose attribute looks like its end', () => {
    expect(parseJunit('<a x="/>">'.repeat(40_000) + '</a>'.repeat(40_000))).toMatchObject({
      message: expect.stringContaining('nested'),
    });
  });
});
