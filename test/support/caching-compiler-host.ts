import ts from 'typescript'

/**
 * A compiler's host that parses a file once for all programs, of any such host: most of the time of a compilation goes
 * there. A parsed file serves the next program too, because an app adds to the interfaces in copies that its own program
 * makes. The options of the hosts in one test file must have the same target and module system.
 *
 * @param isShared Whether a file is the same in each program. Default: every one is.
 */
export function createCachingHost(
  options: ts.CompilerOptions,
  isShared: (path: string) => boolean = () => true,
): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (path, ...rest) => {
    if (!isShared(path)) return getSourceFile(path, ...rest)
    if (!parsed.has(path)) parsed.set(path, getSourceFile(path, ...rest))
    return parsed.get(path)
  }
  return host
}

const parsed = new Map<string, ts.SourceFile | undefined>()
