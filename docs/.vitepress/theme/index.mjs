import DefaultTheme from 'vitepress/theme'
import { useRoute } from 'vitepress'
import { nextTick, onMounted, watch } from 'vue'
import './style.css'

export default {
  extends: DefaultTheme,
  setup() {
    const route = useRoute()
    onMounted(() =>
      watch(
        () => route.path,
        () => nextTick(markMain),
        { immediate: true },
      ),
    )
  },
}

/** The home page of the default theme has no `main` landmark, which is where a screen reader goes first. */
function markMain() {
  document.querySelector('.VPContent.is-home')?.setAttribute('role', 'main')
}
