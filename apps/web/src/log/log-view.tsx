import { ArrowDownToLine, ChevronDown, ChevronRight, ChevronUp, Download, Search, WrapText } from 'lucide-react';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { StepDetail } from '../api/shapes.ts';
import { useScreenKeys } from '../frame/use-frame-keys.ts';
import { isOver } from '../ui/status.ts';
import { useNarrow } from '../ui/use-narrow.ts';
import { count, duration, plural, size } from '../ui/wording.ts';
import { HitFinder, shownText } from './find-hits.ts';
import {
  itemsBetween,
  LINE_HEIGHT,
  logSections,
  oneRowEach,
  topOfLine,
  WrappedRows,
  type LogSection,
} from './log-layout.ts';
import { CUT, LogLine } from './log-line.tsx';
import type { LogSource } from './log-source.ts';
import { useLogSource } from './use-log-source.ts';
import { isPresent } from '../ui/is-present.ts';

const OVERSCAN = 8 * LINE_HEIGHT;
const NUMBER_WIDTH = 56 + 16;

export interface LogChoice {
  lines: string | undefined;
  q: string | undefined;
  step: number | undefined;
}

export function LogView(props: {
  attemptId: string;
  steps: readonly StepDetail[];
  over: boolean;
  choice: LogChoice;
  onChoice: (change: Partial<LogChoice>) => void;
}) {
  const source = useLogSource(props.attemptId);
  // Another attempt is another log: nothing of the old one's scrolling or folding holds for it.
  return <LoadedLog key={props.attemptId} {...props} source={source} />;
}

function LoadedLog({ source, steps, over, choice, onChoice }: Parameters<typeof LogView>[0] & { source: LogSource }) {
  const narrow = useNarrow();
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600, columns: 100 });
  const [wrap, setWrap] = useState(narrow);
  const [folds, setFolds] = useState<ReadonlyMap<number, boolean>>(new Map());
  const [whole, setWhole] = useState<ReadonlySet<number>>(new Set());
  const [follow, setFollow] = useState(!over && choice.lines === undefined);
  const [seen, setSeen] = useState(0);
  const { lines } = source;

  const lastStep = steps.filter((step) => step.logOffset !== null).at(-1);
  const isOpen = useCallback(
    (step: StepDetail) =>
      folds.get(step.index) ?? (step.index === choice.step || step.status !== 'passed' || (over && step === lastStep)),
    [folds, choice.step, lastStep, over],
  );
  const wrapped = useMemo(
    () => new WrappedRows(view.columns, (line) => Math.min(shownText(lines, line).length, CUT + 20)),
    [view.columns, lines],
  );
  if (wrap) wrapped.measure(lines.count);
  const rows = wrap ? wrapped : oneRowEach;
  const sections = logSections(lines, steps, isOpen, rows);
  const last = sections.at(-1);
  const total = last === undefined ? 0 : last.top + last.height;
  const items = itemsBetween(sections, view.top - OVERSCAN, view.top + view.height + OVERSCAN, rows);

  const openAt = (line: number): void => {
    const step = sections.find(({ first, end }) => line >= first && line < end)?.step;
    if (isPresent(step)) setFolds((previous) => new Map(previous).set(step.index, true));
  };
  const pending = useRef<number | null>(null);
  const showLine = (line: number): void => {
    setFollow(false);
    openAt(line);
    pending.current = line;
  };

  const search = useSearch(source, choice.q);
  const hit = search.current;
  const goTo = (by: 1 | -1): void => {
    const next = search.step(by);
    if (next !== undefined) showLine(next.line);
  };

  // The address may name lines: they are shown as soon as they are loaded.
  const wantedLine = choice.lines === undefined ? undefined : Number(choice.lines.split('-')[0]) - 1;
  const shownLines = useRef<string | undefined>(undefined);
  const chosenHere = useRef<string | undefined>(undefined);
  const showTop = (top: number): void => {
    setFollow(false);
    if (box.current !== null) box.current.scrollTop = top;
  };
  const reveal = useRef({ line: showLine, top: showTop });
  useEffect(() => {
    reveal.current = { line: showLine, top: showTop };
  });
  const loaded = lines.count;
  useEffect(() => {
    if (wantedLine === undefined || shownLines.current === choice.lines || loaded <= wantedLine) return;
    shownLines.current = choice.lines;
    if (chosenHere.current !== choice.lines) reveal.current.line(wantedLine);
  }, [choice.lines, loaded, wantedLine]);
  const shownStep = useRef<number | undefined>(undefined);
  const stepTop = sections.find(({ step }) => step !== null && step.index === choice.step)?.top;
  useEffect(() => {
    if (stepTop === undefined || shownStep.current === choice.step) return;
    shownStep.current = choice.step;
    reveal.current.top(stepTop);
  }, [choice.step, stepTop]);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (pending.current !== null) {
      const top = topOfLine(sections, pending.current, rows);
      if (top !== undefined) {
        element.scrollTop = Math.max(0, top - element.clientHeight / 3);
        pending.current = null;
      }
    } else if (follow) {
      element.scrollTop = element.scrollHeight;
    }
  });
  if (follow && seen !== lines.count) setSeen(lines.count);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => {
      const columns = Math.floor((element.clientWidth - NUMBER_WIDTH) / characterWidth(element));
      setView((previous) =>
        previous.height === element.clientHeight && previous.columns === columns
          ? previous
          : { ...previous, height: element.clientHeight, columns },
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const previousTop = useRef(0);
  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
    if (element.scrollTop < previousTop.current - 2 && !atEnd) setFollow(false);
    else if (atEnd && !over) setFollow(true);
    previousTop.current = element.scrollTop;
    const top = Math.floor(element.scrollTop / LINE_HEIGHT) * LINE_HEIGHT;
    setView((previous) => (previous.top === top ? previous : { ...previous, top }));
  };

  const chooseLine = useCallback(
    (number: number, extend: boolean) => {
      const from = extend && choice.lines !== undefined ? Number(choice.lines.split('-')[0]) : number;
      const range = from === number ? String(number) : `${Math.min(from, number)}-${Math.max(from, number)}`;
      chosenHere.current = range;
      setFollow(false);
      onChoice({ lines: choice.lines === range ? undefined : range });
    },
    [choice.lines, onChoice],
  );
  const showWhole = useCallback((number: number) => setWhole((previous) => new Set(previous).add(number)), []);
  const toggle = (section: LogSection): void => {
    const { step } = section;
    if (step === null) return;
    setFollow(false);
    setFolds((previous) => new Map(previous).set(step.index, !section.open));
  };
  const input = useRef<HTMLInputElement>(null);
  const jumpToEnd = (): void => setFollow(true);
  useScreenKeys({
    f: () => setFollow(!follow),
    w: () => setWrap(!wrap),
    n: () => goTo(1),
    p: () => goTo(-1),
    l: () => void navigator.clipboard.writeText(window.location.href),
  });
  useFindKey(input);

  const [selectedFrom = 0, selectedTo = selectedFrom] = (choice.lines ?? '').split('-').map(Number);
  const fresh = Math.max(0, lines.count - seen);
  const stuck = sections.find(
    ({ top, height, step }) => step !== null && top < view.top && top + height > view.top + LINE_HEIGHT,
  );

  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex min-h-[42px] flex-wrap items-center gap-2 border-b border-line px-3 py-1.5">
        <label className="relative w-[220px] max-md:w-full">
          <Search
            size={14}
            className="pointer-events-none absolute left-2.5 top-2 text-text-3 max-md:top-[15px]"
            aria-hidden="true"
          />
          <input
            ref={input}
            className="field field-quiet h-[30px]! pl-8! max-md:h-11!"
            placeholder={source.lines.start > 0 || !source.complete ? 'Search what is loaded' : 'Search the log'}
            aria-label="Search the log"
            value={choice.q ?? ''}
            onChange={(event) => onChoice({ q: event.target.value === '' ? undefined : event.target.value })}
            onKeyDown={(event) => {
              if (event.key === 'Enter') goTo(event.shiftKey ? -1 : 1);
              if (event.key === 'Escape') event.currentTarget.blur();
            }}
          />
        </label>
        {choice.q !== undefined && (
          <span className="inline-flex items-center gap-0.5 text-sub text-text-2 tnum" role="status">
            {search.total === 0 ? 'no hit' : `${search.position} of ${count(search.total)}${search.cut ? '+' : ''}`}
            <IconButton label="Previous hit" onClick={() => goTo(-1)} icon={ChevronUp} />
            <IconButton label="Next hit" onClick={() => goTo(1)} icon={ChevronDown} />
          </span>
        )}
        <button type="button" className="btn btn-quiet btn-small" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
          <WrapText size={14} aria-hidden="true" />
          {wrap ? 'Wrapped' : 'Wrap'}
        </button>
        <span className="ml-auto text-sub text-text-3 tnum whitespace-nowrap">
          {plural(lines.count, 'line')}, {size(source.total)}
        </span>
        <a
          href={`/api/v1/attempts/${source.attemptId}/log`}
          download={`log-${source.attemptId}.txt`}
          className="btn btn-quiet btn-small px-1.5!"
          aria-label="Download the raw log"
          title="Raw bytes as the job wrote them; a terminal may act on control sequences in it"
        >
          <Download size={15} aria-hidden="true" />
        </a>
        {!over && (
          <button
            type="button"
            className="btn btn-small"
            aria-pressed={follow}
            onClick={() => (follow ? setFollow(false) : jumpToEnd())}
          >
            <ArrowDownToLine size={14} aria-hidden="true" />
            {follow ? 'Following' : 'Follow'}
          </button>
        )}
      </div>
      {source.lines.start > 0 && (
        <p className="border-b border-line bg-warning-tint px-4 py-1.5 text-sub text-warning">
          Shown and searched are the last {size(source.lines.length - source.lines.start)} of {size(source.total)}; line
          numbers count from there. The download has everything.
        </p>
      )}
      <div className="relative min-h-0 flex-1">
        <div
          ref={box}
          className={wrap ? 'log log-wrap' : 'log'}
          role="log"
          aria-live="off"
          aria-label="Log"
          tabIndex={0}
          onScroll={onScroll}
        >
          {stuck !== undefined && stuck.open && (
            <div className="log-sticky">
              <SectionHead section={stuck} onToggle={toggle} />
            </div>
          )}
          <div style={{ height: total + 12 }}>
            <div className="log-rows" style={{ transform: `translateY(${items[0]?.top ?? 0}px)` }}>
              {items.map((item) =>
                item.kind === 'head' ? (
                  <SectionHead key={`head ${item.section.step?.index}`} section={item.section} onToggle={toggle} />
                ) : (
                  <LogLine
                    key={item.line}
                    number={item.line + 1}
                    text={lines.text(item.line)}
                    state={lines.state(item.line)}
                    selected={item.line + 1 >= selectedFrom && item.line + 1 <= selectedTo}
                    words={search.words}
                    currentHit={hit?.line === item.line ? hit.nth : null}
                    whole={whole.has(item.line + 1)}
                    onWhole={showWhole}
                    onNumber={chooseLine}
                  />
                ),
              )}
            </div>
          </div>
          <LogNote source={source} over={over} />
        </div>
        {!follow && !over && fresh > 0 && (
          <button
            type="button"
            className="btn btn-small absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full! shadow-(--shadow-pop)"
            onClick={jumpToEnd}
          >
            {plural(fresh, 'new line')}, jump to end
          </button>
        )}
      </div>
    </div>
  );
}

function LogNote({ source, over }: { source: LogSource; over: boolean }) {
  const note =
    source.problem === 'gone'
      ? (source.removal ?? 'This log does not exist, or you may not see it.')
      : source.problem === 'unreachable'
        ? 'Could not read the log. Trying again.'
        : source.begun && source.lines.count === 0
          ? over
            ? 'This attempt wrote no log.'
            : 'Waiting for the first output.'
          : undefined;
  return note === undefined ? null : (
    <p className="sticky bottom-0 bg-surface px-4 py-3 font-sans text-body text-text-2">{note}</p>
  );
}

function SectionHead({ section, onToggle }: { section: LogSection; onToggle: (section: LogSection) => void }) {
  const { step } = section;
  if (step === null) return null;
  const Fold = section.open ? ChevronDown : ChevronRight;
  const took =
    step.startedAt !== null && step.finishedAt !== null
      ? duration(Date.parse(step.finishedAt) - Date.parse(step.startedAt))
      : '';
  return (
    <button type="button" className="log-head" aria-expanded={section.open} onClick={() => onToggle(section)}>
      <Fold size={14} className="flex-none" aria-hidden="true" />
      <span className="truncate">{step.name}</span>
      {!section.open && (
        <span className="font-normal text-text-3 whitespace-nowrap">{plural(section.end - section.first, 'line')}</span>
      )}
      {isOver(step.status) && step.status !== 'passed' && (
        <span className="font-normal text-failed">exit code {step.exitCode ?? 'unknown'}</span>
      )}
      <span className="ml-auto tnum">{took}</span>
    </button>
  );
}

function IconButton({ label, onClick, icon: Icon }: { label: string; onClick: () => void; icon: typeof ChevronUp }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      onClick={onClick}
      className="grid size-6 place-items-center rounded-tag hover:bg-sunken max-md:size-11"
    >
      <Icon size={14} aria-hidden="true" />
    </button>
  );
}

/** Hits over what is loaded; the position stays while more lines come. */
function useSearch(source: LogSource, q: string | undefined) {
  const { lines } = source;
  const finder = useMemo(() => (q === undefined ? undefined : new HitFinder(q, lines)), [q, lines]);
  const [place, setPlace] = useState<{ of: HitFinder | undefined; at: number }>({ of: finder, at: -1 });
  finder?.scan();
  const hits = finder?.hits ?? [];
  const at = place.of === finder ? place.at : -1;
  return {
    words: finder?.words ?? '',
    total: hits.length,
    cut: finder?.cut ?? false,
    position: at + 1,
    current: hits[at],
    step(by: 1 | -1) {
      if (hits.length === 0) return undefined;
      const next = at === -1 && by === -1 ? hits.length - 1 : (at + by + hits.length) % hits.length;
      setPlace({ of: finder, at: next });
      return hits[next];
    },
  };
}

/** The browser's own search can't see lines that aren't drawn. */
function useFindKey(input: React.RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'f' || input.current === null) return;
      event.preventDefault();
      input.current.focus();
      input.current.select();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [input]);
}

let measured: number | undefined;
function characterWidth(element: HTMLElement): number {
  if (measured === undefined) {
    const probe = document.createElement('span');
    probe.textContent = '0'.repeat(100);
    probe.className = 'invisible absolute whitespace-pre';
    element.append(probe);
    measured = probe.getBoundingClientRect().width / 100 || 7.2;
    probe.remove();
  }
  return measured;
}
