/**
 * Nobody knows what state an error left behind that nobody caught: it is reported, the process stops in order and leaves with 1, and
 * its supervisor starts it anew (F71). `stop` ends the process.
 */
export function leaveOnErrors(
  report: (error: unknown, what: string) => void,
  stop: (exitCode: number) => Promise<void>,
): void {
  process.on('uncaughtException', (error) => {
    report(error, 'an exception nobody caught');
    void stop(1);
  });
  process.on('unhandledRejection', (error) => {
    report(error, 'a rejection nobody handled');
    void stop(1);
  });
}
